using System.Collections.Immutable;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>Reads the sizes and constants of a LLaMA from a GGUF file's metadata and tensors.</summary>
internal static class GgufConfig
{
    private const int MostPairs = 4096; // of the widest head that a config allows
    private const string Fix = "only plain LLaMA models are read";

    public static LlamaConfig Read(GgufFile file)
    {
        string architecture = file.Metadata.Text(GgufNames.Architecture) ?? throw Error(file, $"must have '{GgufNames.Architecture}', got nothing", "it is no model's file");
        if (architecture != GgufNames.Llama) throw Error(file, $"'{GgufNames.Architecture}' must be {GgufNames.Llama}, got {Quoted.Name(architecture)}", Fix);
        RequireSupported(file);
        int hidden = Size(file, GgufNames.Hidden), heads = Size(file, GgufNames.Heads);
        int headDim = HeadDim(file, hidden, heads);
        LlamaConfig config = new()
        {
            VocabularySize = Vocabulary(file),
            HiddenSize = hidden,
            IntermediateSize = Size(file, GgufNames.Intermediate),
            Layers = Size(file, GgufNames.Layers),
            Heads = heads,
            KeyValueHeads = Size(file, GgufNames.KeyValueHeads, heads),
            HeadDim = headDim,
            MaxPositions = Size(file, GgufNames.Positions),
            RmsNormEpsilon = (float)(file.Metadata.Number(GgufNames.Epsilon) ?? throw Error(file, $"must have '{GgufNames.Epsilon}', got nothing", Fix)),
            RopeTheta = (float)(file.Metadata.Number(GgufNames.RopeTheta) ?? 10000),
            RopeScaling = Scaling(file),
            TieEmbeddings = !file.Tensors.ContainsKey(GgufNames.Head),
            AttentionBias = file.Tensors.ContainsKey(GgufNames.Bias(0, "q")),
            MlpBias = file.Tensors.ContainsKey(GgufNames.Bias(0, "gate")),
            BosTokenId = GgufTokenizerData.Id(file, GgufNames.Bos),
            EosTokenIds = [.. new[] { GgufNames.Eos, GgufNames.Eot, GgufNames.Eom }.Select(key => GgufTokenizerData.Id(file, key)).OfType<int>().Distinct()],
        };
        config.Validate(Quoted.Plain(file.Path));
        return config with { LinearStorage = Common(Linears(file, config)) ?? WeightStorage.Other, TableStorage = Common(Tables(file)) is { } tables && tables.IsFloat() ? tables : WeightStorage.Other };
    }

    private static void RequireSupported(GgufFile file)
    {
        foreach ((string key, double? harmless) in GgufNames.Unsupported)
        {
            if (file.Metadata.TypeOf(key) is not { } type) continue;
            double value = type is GgufValueType.Float32 or GgufValueType.Float64 ? file.Metadata.Number(key)!.Value : file.Metadata.Integer(key)!.Value;
            if (value != harmless) throw Error(file, FormattableString.Invariant($"'{key}' is not supported, got {value}"), Fix);
        }
        if (file.Metadata.Flag(GgufNames.Causal) == false) throw Error(file, $"'{GgufNames.Causal}' must be true, got false", Fix);
        if (file.Metadata.Flag(GgufNames.ParallelResidual) == true) throw Error(file, $"'{GgufNames.ParallelResidual}' must be false, got true", Fix);
    }

    private static int HeadDim(GgufFile file, int hidden, int heads)
    {
        if (heads < 1) throw Error(file, $"'{GgufNames.Heads}' must be at least 1, got {heads}", Fix);
        bool given = file.Metadata.Has(GgufNames.KeyLength);
        if (!given && hidden % heads != 0) throw Error(file, $"'{GgufNames.Hidden}' must be a multiple of '{GgufNames.Heads}' where '{GgufNames.KeyLength}' is absent, got {hidden} and {heads}", Fix);
        int headDim = given ? Size(file, GgufNames.KeyLength) : hidden / heads;
        foreach (string key in (ReadOnlySpan<string>)[GgufNames.ValueLength, GgufNames.RopeWidth])
        {
            int width = Size(file, key, headDim);
            if (width != headDim) throw Error(file, $"'{key}' must be {headDim}, the width of a head, got {width}", Fix);
        }
        return headDim;
    }

    private static int Vocabulary(GgufFile file)
    {
        GgufTensor table = file.Tensor(GgufNames.Embedding);
        if (table.Dims.Length != 2 || table.Dims[1] > int.MaxValue) throw Error(file, $"the tensor '{table.Name}' must have two dimensions, got {Quoted.Dims(table.Dims.AsSpan())}", Fix);
        int rows = (int)table.Dims[1], declared = Size(file, GgufNames.Vocabulary, rows);
        return declared == rows ? rows : throw Error(file, $"'{GgufNames.Vocabulary}' must be the rows of '{table.Name}', {rows}, got {declared}", "the file is damaged, convert the model again");
    }

    // A list of divisors is what LLaMA-3.1's scaling comes to. A factor without a type scales linearly, and one of 0 or 1 not at all.
    private static RopeScaling? Scaling(GgufFile file)
    {
        string type = file.Metadata.Text(GgufNames.ScalingType) ?? "linear";
        if (type is not ("none" or "linear")) throw Error(file, $"'{GgufNames.ScalingType}' must be none or linear, got {Quoted.Name(type)}", "other scalings are not supported");
        double factor = type == "none" ? 1 : file.Metadata.Number(GgufNames.ScalingFactor) ?? file.Metadata.Number(GgufNames.OldScalingFactor) ?? 1;
        bool scaled = factor is not (0 or 1);
        if (!file.Tensors.TryGetValue(GgufNames.RopeDivisors, out GgufTensor? list)) return scaled ? new LinearRopeScaling(factor) : null;
        if (scaled) throw Error(file, FormattableString.Invariant($"positions must be scaled by '{list.Name}' or by a factor, got both, the factor {factor}"), "other scalings are not supported");
        if (list.ElementCount > MostPairs) throw Error(file, $"the tensor '{list.Name}' must have a divisor for each pair of a head, got {Quoted.Dims(list.Dims.AsSpan())}", Fix);
        float[] divisors = new float[list.ElementCount];
        file.ReadVector(list.Name, divisors);
        return new ListedRopeScaling(ImmutableArray.Create(divisors));
    }

    private static IEnumerable<GgmlType> Linears(GgufFile file, LlamaConfig config) =>
        from layer in Enumerable.Range(0, config.Layers) from map in config.LinearMaps select file.Tensor(GgufNames.Weight(layer, map.Kind)).Type;

    private static IEnumerable<GgmlType> Tables(GgufFile file) => new[] { GgufNames.Embedding, GgufNames.Head }.Where(file.Tensors.ContainsKey).Select(name => file.Tensors[name].Type);

    /// <summary>The storage that all have, where this library also writes it.</summary>
    private static WeightStorage? Common(IEnumerable<GgmlType> types) => types.Distinct().ToArray() is not [GgmlType only] ? null : only switch
    {
        GgmlType.F32 => WeightStorage.F32,
        GgmlType.F16 => WeightStorage.F16,
        GgmlType.BF16 => WeightStorage.BF16,
        GgmlType.Q4_0 => WeightStorage.Q4_0,
        GgmlType.Q8_0 => WeightStorage.Q8_0,
        _ => null,
    };

    private static int Size(GgufFile file, string key, int? absent = null)
    {
        long size = file.Metadata.Integer(key) ?? absent ?? throw Error(file, $"must have '{key}', got nothing", "it is no LLaMA, or damaged");
        return size is >= 0 and <= int.MaxValue ? (int)size : throw Error(file, $"'{key}' must be from 0 to {int.MaxValue}, got {size}", "the file is damaged, convert the model again");
    }

    private static MokaException Error(GgufFile file, string problem, string fix) => new($"{Quoted.Plain(file.Path)}: {problem}; {fix}.");
}
