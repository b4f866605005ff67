using MoKA.Native.Adapters;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints.Export;

/// <summary>
/// LoRA adapters as the GGUF file that llama.cpp puts on a model: for each adapted weight <c>.lora_a</c> [r, in] and
/// <c>.lora_b</c> [out, r], whose rows follow the weight's order there, and one alpha for all; the scale is alpha / r.
/// </summary>
public static class GgufLora
{
    /// <summary>Writes the file.</summary>
    /// <param name="path">Where.</param>
    /// <param name="model">The base that the adapters are for.</param>
    /// <param name="adapters">LoRA alone; see <see cref="LoraExport"/>.</param>
    /// <param name="storage">F32 or F16.</param>
    /// <exception cref="MokaException">An adapter is of another kind, or the file cannot be written.</exception>
    public static void Write(string path, LlamaModel model, AdapterSet adapters, WeightStorage storage = WeightStorage.F32)
    {
        if (storage is not (WeightStorage.F32 or WeightStorage.F16)) throw new MokaException($"GGUF adapter: the numbers must be stored in {WeightStorage.F32} or {WeightStorage.F16}, got {storage}.");
        Dictionary<Projection, int> layers = model.Blocks.SelectMany((block, layer) => block.Projections.Select(p => (p, layer))).ToDictionary(e => e.p, e => e.layer);
        (Projection Place, LoraAdapter Lora)[] entries = [.. adapters.Entries.Select(e => (e.Projection, e.Adapter as LoraAdapter
            ?? throw new MokaException($"{e.Projection.Name}: a GGUF adapter holds LoRA alone, and {(e.Adapter is DoraAdapter ? "a DoRA also scales the rows of its base's weights" : "this adapter is none")}; give a rank or an energy for the nearest one, or merge it into the base.")))];
        // One alpha stands for all. Where a scale differs from alpha / r, as with rank-stabilised ones, B makes up for it.
        float alpha = entries[0].Lora.Options.Scale * entries[0].Lora.Options.Rank;
        GgufWriter writer = new();
        writer.Add(GgufNames.Architecture, GgufNames.Llama);
        writer.Add(GgufNames.Type, GgufNames.Adapter);
        writer.Add(GgufNames.AdapterType, GgufNames.Lora);
        writer.Add(GgufNames.FileType, GgufExport.FileTypeOf(storage));
        writer.Add(GgufNames.LoraAlpha, alpha);
        foreach ((Projection place, LoraAdapter lora) in entries)
        {
            string name = GgufNames.Weight(layers[place], place.Kind);
            bool rotary = GgufExport.IsRotary(place.Kind);
            float factor = lora.Options.Scale * lora.Options.Rank / alpha;
            Add(writer, name + GgufNames.LoraA, lora.A, storage, 1, headDim: null);
            Add(writer, name + GgufNames.LoraB, lora.B, storage, factor, rotary ? model.Config.HeadDim : null);
        }
        writer.Save(path);
    }

    private static void Add(GgufWriter writer, string name, Parameter matrix, WeightStorage storage, float factor, int? headDim)
    {
        int rows = matrix.Shape[0], columns = matrix.Shape[1];
        writer.Add(name, GgufExport.TypeOf(storage), [rows, columns], stream =>
        {
            float[] ordered = new float[rows * columns];
            for (int row = 0; row < rows; row++)
            {
                ReadOnlySpan<float> from = matrix.Data.Slice((headDim is { } width ? RotaryRows.Place(row, width) : row) * columns, columns);
                for (int j = 0; j < columns; j++) ordered[row * columns + j] = factor * from[j];
            }
            if (storage == WeightStorage.F32)
            {
                stream.WriteFloats(ordered);
                return;
            }
            using BlockMatrix half = BlockMatrix.Quantize(ordered, rows, columns, BlockType.F16, name);
            stream.Write(half.Bytes);
        });
    }
}
