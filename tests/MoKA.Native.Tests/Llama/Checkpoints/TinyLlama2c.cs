using System.Runtime.InteropServices;
using MoKA.Native.Llama;
using MoKA.Native.Nn;

namespace MoKA.Native.Tests.Llama.Checkpoints;

/// <summary>Writes a model as llama2.c's export.py does, in each of its versions.</summary>
internal static class TinyLlama2c
{
    public const int Group = 16;

    /// <summary>The file of a version.</summary>
    public static byte[] Write(LlamaModel model, int version)
    {
        MemoryStream file = new();
        LlamaConfig c = model.Config;
        int[] sizes = [c.HiddenSize, c.IntermediateSize, c.Layers, c.Heads, c.KeyValueHeads, version == 0 && !c.TieEmbeddings ? -c.VocabularySize : c.VocabularySize, c.MaxPositions];
        if (version > 0) file.Write([.. "24ka"u8, .. BitConverter.GetBytes(version)]);
        foreach (int size in sizes) file.Write(BitConverter.GetBytes(size));
        if (version > 0)
        {
            file.WriteByte(c.TieEmbeddings ? (byte)1 : (byte)0);
            if (version == 2) file.Write(BitConverter.GetBytes(Group));
            file.Write(new byte[256 - file.Length]);
        }
        void Vector(Parameter vector) => file.Write(MemoryMarshal.AsBytes(vector.Data));
        void Matrix(ILinear map, int? headDim = null)
        {
            float[] weights = Dense(map, headDim);
            if (version < 2) file.Write(MemoryMarshal.AsBytes<float>(weights));
            else
            {
                (sbyte[] values, float[] scales) = Quantize(weights);
                file.Write(MemoryMarshal.AsBytes<sbyte>(values));
                file.Write(MemoryMarshal.AsBytes<float>(scales));
            }
        }
        void Maps(params ReadOnlySpan<string> kinds)
        {
            foreach (string kind in kinds)
                for (int layer = 0; layer < c.Layers; layer++) Matrix(model.Projection(layer, kind).Current, kind is "q" or "k" ? c.HeadDim : null);
        }
        void Norms(string kind)
        {
            for (int layer = 0; layer < c.Layers; layer++) Vector(model.NormOf(layer, kind));
        }
        if (version == 0)
        {
            Matrix(model.Embedding);
            Norms("attention");
            Maps("q", "k", "v", "o");
            Norms("mlp");
            Maps("gate", "down", "up");
            Vector(model.Norm);
            file.Write([.. Enumerable.Repeat((byte)0xFF, 4 * c.MaxPositions * c.HeadDim)]); // angles, which nobody reads
        }
        else
        {
            Norms("attention");
            Norms("mlp");
            Vector(model.Norm);
            Matrix(model.Embedding);
            Maps("q", "k", "v", "o", "gate", "down", "up");
        }
        if (!c.TieEmbeddings) Matrix(model.Head);
        return file.ToArray();
    }

    /// <summary>A map's weights after they went through version 2, for queries and keys in Meta's order and back.</summary>
    public static float[] Rounded(float[] weights)
    {
        (sbyte[] values, float[] scales) = Quantize(weights);
        return [.. values.Select((q, i) => q * scales[i / Group])];
    }

    private static (sbyte[] Values, float[] Scales) Quantize(float[] weights)
    {
        float[] scales = [.. weights.Chunk(Group).Select(group => group.Max(MathF.Abs) / 127)];
        return ([.. weights.Select((w, i) => (sbyte)MathF.Round(w / scales[i / Group]))], scales);
    }

    private static float[] Dense(ILinear map, int? headDim)
    {
        float[] weights = new float[map.Out * map.In];
        map.CopyWeight(weights);
        return headDim is { } width ? MetaOrder.Of(weights, map.In, width) : weights;
    }
}
