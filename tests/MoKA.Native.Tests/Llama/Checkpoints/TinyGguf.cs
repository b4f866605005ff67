using System.Globalization;
using System.Runtime.InteropServices;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Checkpoints;

namespace MoKA.Native.Tests.Llama.Checkpoints;

/// <summary>Writes a model as GGUF: matrices that lie in blocks as they are, all others as floats.</summary>
internal static class TinyGguf
{
    /// <summary>The metadata that a converter writes.</summary>
    public static GgufBytes Metadata(LlamaConfig config)
    {
        GgufBytes bytes = new GgufBytes().Add("general.architecture", "llama").Add("general.name", "tiny")
            .Add("llama.context_length", (uint)config.MaxPositions).Add("llama.embedding_length", (uint)config.HiddenSize).Add("llama.block_count", (uint)config.Layers)
            .Add("llama.feed_forward_length", (uint)config.IntermediateSize).Add("llama.rope.dimension_count", (uint)config.HeadDim)
            .Add("llama.attention.head_count", (uint)config.Heads).Add("llama.attention.head_count_kv", (uint)config.KeyValueHeads)
            .Add("llama.attention.layer_norm_rms_epsilon", config.RmsNormEpsilon).Add("llama.rope.freq_base", config.RopeTheta)
            .Add("tokenizer.ggml.bos_token_id", 1u).Add("tokenizer.ggml.eos_token_id", 2u);
        if (config.HeadDim * config.Heads != config.HiddenSize) bytes.Add("llama.attention.key_length", (uint)config.HeadDim).Add("llama.attention.value_length", (uint)config.HeadDim);
        return bytes;
    }

    /// <summary>The model's tensors.</summary>
    public static GgufBytes Tensors(this GgufBytes bytes, LlamaModel model)
    {
        LlamaConfig config = model.Config;
        Matrix(bytes, "token_embd.weight", model.Embedding);
        Vector(bytes, "output_norm.weight", model.Norm);
        if (!config.TieEmbeddings) Matrix(bytes, "output.weight", model.Head);
        for (int layer = 0; layer < config.Layers; layer++)
        {
            LlamaBlock block = model.Blocks[layer];
            Vector(bytes, Name(layer, "attn_norm"), block.AttentionNorm);
            Vector(bytes, Name(layer, "ffn_norm"), block.MlpNorm);
            foreach (Projection projection in block.Projections)
            {
                string name = projection.Kind switch { "o" => "attn_output", "q" or "k" or "v" => "attn_" + projection.Kind, _ => "ffn_" + projection.Kind };
                int? headDim = projection.Kind is "q" or "k" ? config.HeadDim : null;
                Matrix(bytes, Name(layer, name), projection.Current, headDim);
                if (projection.Bias is { } bias) Vector(bytes, Name(layer, name)[..^6] + "bias", bias, headDim);
            }
        }
        return bytes;
    }

    public static byte[] Write(LlamaModel model) => Metadata(model.Config).Tensors(model).ToArray();

    private static string Name(int layer, string part) => string.Create(CultureInfo.InvariantCulture, $"blk.{layer}.{part}.weight");

    private static void Vector(GgufBytes bytes, string name, Parameter vector, int? headDim = null)
    {
        float[] numbers = vector.Data.ToArray();
        if (headDim is { } width) numbers = MetaOrder.Of(numbers, 1, width);
        bytes.Tensor(name, GgmlType.F32, [(ulong)numbers.Length], MemoryMarshal.AsBytes<float>(numbers).ToArray());
    }

    private static void Matrix(GgufBytes bytes, string name, ILinear map, int? headDim = null)
    {
        byte[] content;
        GgmlType type = GgmlType.F32;
        if (map is FrozenLinear { Weight: BlockMatrix matrix })
        {
            type = Enum.Parse<GgmlType>(matrix.Type.ToString());
            content = matrix.Bytes.ToArray();
        }
        else
        {
            float[] weights = new float[map.Out * map.In];
            map.CopyWeight(weights);
            content = MemoryMarshal.AsBytes<float>(weights).ToArray();
        }
        if (headDim is { } width) content = MetaOrder.Of(content, content.Length / map.Out, width);
        bytes.Tensor(name, type, [(ulong)map.In, (ulong)map.Out], content);
    }
}

/// <summary>The weights of another model with every matrix turned into another: quantised, or decoded again.</summary>
internal sealed class TurnedWeights(LlamaModel source, Func<string, float[], int, int, ILinear> turn) : ILlamaWeights
{
    public ITokenTable Embedding(int vocabulary, int hidden) => (ITokenTable)Turn("embedding", source.Embedding);

    public ILinear Linear(int layer, string kind, int outputs, int inputs) => Turn(kind, source.Projection(layer, kind).Current);

    public Parameter Bias(int layer, string kind, int outputs) => source.Projection(layer, kind).Bias!;

    public Parameter Norm(int layer, string kind, int hidden) => source.NormOf(layer, kind);

    public Parameter FinalNorm(int hidden) => source.Norm;

    public ILinear Head(int vocabulary, int hidden) => Turn("head", source.Head);

    /// <summary>Any map as a trainable float weight.</summary>
    public static Linear Dense(ILinear map)
    {
        Parameter weight = new("dense", new Shape(map.Out, map.In), trainable: false);
        map.CopyWeight(weight.Data);
        return new Linear(weight);
    }

    private ILinear Turn(string kind, ILinear map)
    {
        float[] weights = new float[map.Out * map.In];
        map.CopyWeight(weights);
        return turn(kind, weights, map.Out, map.In);
    }
}
