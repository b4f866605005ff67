using MoKA.Native.Adapters;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// PEFT's LORA: lora_A.weight [r, in], lora_B.weight [out, r], and for DoRA lora_magnitude_vector [out]. The scale is
/// lora_alpha / r, or lora_alpha / √r with use_rslora; rank_pattern and alpha_pattern hold the exceptions.
/// </summary>
internal sealed class LoraFormat : AdapterFormat
{
    private const string Magnitude = ".lora_magnitude_vector";

    public override string PeftType => "LORA";

    protected override string Marker => ".lora_";

    public override bool Holds(Adapter adapter) => adapter is LoraAdapter or DoraAdapter;

    public override string Method(AdapterConfig config) =>
        $"{(config.Flag("use_dora") ? "DoRA" : "LoRA")}, rank {config.Whole("r")}, alpha {MokaFormat.Text(config.Number("lora_alpha") ?? 8)}{(config.Flag("use_rslora") ? ", rank-stabilised" : "")}";

    public override IReadOnlyList<AdapterPart> Parts(AdapterConfig config, ModuleTensors tensors)
    {
        (int rank, int inputs) = tensors.Matrix(Suffix("A"));
        (int outputs, _) = tensors.Matrix(Suffix("B"));
        float alpha = config.Pattern("alpha_pattern", tensors.Module) ?? config.Number("lora_alpha") ?? 8;
        LoraOptions options = new() { Rank = rank, Alpha = alpha, RankStabilized = config.Flag("use_rslora") };
        return [new AdapterPart($"r {rank}", options.Scale, tensors.Norm(Suffix("A")), tensors.Norm(Suffix("B")), Math.Min(rank, Math.Min(inputs, outputs)), Math.Min(inputs, outputs))];
    }

    public override string Suffix(string parameter) => parameter == "magnitude" ? Magnitude : $".lora_{parameter}.weight";

    // Ranks and scales have exceptions; a scale that is stabilised for some maps alone is written as theirs.
    public override string Shared(Adapter adapter) => $"{(adapter is DoraAdapter ? "DoRA" : "LoRA")}, dropout {MokaFormat.Text(OptionsOf(adapter).Dropout)}";

    public override void WriteOptions(ConfigMembers members, IReadOnlyList<(string Module, Adapter Adapter)> adapters)
    {
        LoraOptions first = OptionsOf(adapters[0].Adapter);
        float alpha = AlphaOf(first, first.RankStabilized);
        members.Add("alpha_pattern", adapters.Select(a => (a.Module, Alpha: AlphaOf(OptionsOf(a.Adapter), first.RankStabilized))).Where(a => a.Alpha != alpha));
        members.Add("bias", "none");
        members.Add("fan_in_fan_out", false);
        members.Add("init_lora_weights", true);
        members.Add("lora_alpha", alpha);
        members.Add("lora_dropout", first.Dropout);
        members.AddNull("modules_to_save");
        members.Add("r", first.Rank);
        members.Add("rank_pattern", adapters.Select(a => (a.Module, (float)OptionsOf(a.Adapter).Rank)).Where(a => a.Item2 != first.Rank));
        members.Add("use_dora", adapters[0].Adapter is DoraAdapter);
        members.Add("use_rslora", first.RankStabilized);
    }

    public override (int Outputs, int Inputs)? SizeOf(AdapterConfig config, ModuleTensors tensors) => tensors.KroneckerSize((tensors.Matrix(Suffix("B")).Rows, tensors.Matrix(Suffix("A")).Columns), (1, 1));

    public override Adapter Create(AdapterConfig config, ModuleTensors tensors, Projection projection)
    {
        config.RequireAbsent("bias", "fan_in_fan_out", "lora_bias", "modules_to_save", "layer_replication", "trainable_token_indices", "target_parameters", "alora_invocation_tokens");
        (int rank, int inputs) = tensors.Matrix(Suffix("A"));
        (int outputs, int rankB) = tensors.Matrix(Suffix("B"));
        if ((outputs, inputs) != (projection.Out, projection.In) || rank != rankB)
            throw tensors.Error($"'{tensors.Stem}{Suffix("A")}' [{rank}, {inputs}] and its B [{outputs}, {rankB}] must multiply to the adapted weight [{projection.Out}, {projection.In}]; check that the adapter is for this model.");
        float stated = config.Pattern("rank_pattern", tensors.Module) ?? config.Whole("r") ?? rank;
        if (stated != rank) throw tensors.Error($"'{tensors.Stem}{Suffix("A")}' must have the rank {stated} of the description, got {rank}; check that both files belong together.");
        LoraOptions options = new()
        {
            Rank = rank,
            // PEFT's default is 8 whatever the rank.
            Alpha = config.Pattern("alpha_pattern", tensors.Module) ?? config.Number("lora_alpha") ?? 8,
            RankStabilized = config.Flag("use_rslora"),
            Dropout = config.Number("lora_dropout") ?? 0,
            Decomposed = config.Flag("use_dora"),
        };
        MokaFormat.Valid(config, options.Validate);
        return options.Decomposed ? new DoraAdapter(outputs, inputs, options) : new LoraAdapter(outputs, inputs, options, seed: 0, stream: 0);
    }

    private static LoraOptions OptionsOf(Adapter adapter) => (LoraOptions)adapter.Options;

    // A description says once for all maps whether the scale is alpha / r or alpha / √r.
    private static float AlphaOf(LoraOptions options, bool stabilized) =>
        options.RankStabilized == stabilized ? options.Alpha ?? options.Rank : options.Scale * (stabilized ? MathF.Sqrt(options.Rank) : options.Rank);
}

/// <summary>
/// PEFT's LOKR: lokr_w1 or lokr_w1_a and lokr_w1_b, lokr_w2 or lokr_w2_a and lokr_w2_b, without ".weight". The scale is
/// alpha / r always.
/// </summary>
internal sealed class LokrFormat : AdapterFormat
{
    public override string PeftType => "LOKR";

    protected override string Marker => ".lokr_";

    public override bool Holds(Adapter adapter) => adapter is LokrAdapter;

    public override string Method(AdapterConfig config) =>
        $"LoKr, rank {config.Whole("r") ?? 8}, alpha {MokaFormat.Text(config.Number("alpha") ?? 8)}, factor {config.Whole("decompose_factor") ?? -1}";

    public override IReadOnlyList<AdapterPart> Parts(AdapterConfig config, ModuleTensors tensors)
    {
        (KroneckerShape Sides, long Rank, double Norm) Factor(string name)
        {
            if (tensors.Has(Suffix(name)))
            {
                (int rows, int columns) = tensors.Matrix(Suffix(name));
                return (new KroneckerShape(rows, columns, 1, 1), Math.Min(rows, columns), tensors.Norm(Suffix(name)));
            }
            (int outer, int rank) = tensors.Matrix(Suffix(name + "_a"));
            (_, int inner) = tensors.Matrix(Suffix(name + "_b"));
            return (new KroneckerShape(outer, inner, 1, 1), Math.Min(rank, Math.Min(outer, inner)), ProductNorm(tensors.Floats(Suffix(name + "_a")), tensors.Floats(Suffix(name + "_b")), rank));
        }
        var (w1, rank1, norm1) = Factor("w1");
        var (w2, rank2, norm2) = Factor("w2");
        float rank = config.Pattern("rank_pattern", tensors.Module) ?? config.Whole("r") ?? 8, alpha = config.Pattern("alpha_pattern", tensors.Module) ?? config.Number("alpha") ?? 8;
        return [new AdapterPart(new KroneckerShape(w1.RowsA, w1.ColumnsA, w2.RowsA, w2.ColumnsA).ToString(), alpha / rank, norm1, norm2, rank1 * rank2, Math.Min((long)w1.RowsA * w2.RowsA, (long)w1.ColumnsA * w2.ColumnsA))];
    }

    public override string Suffix(string parameter) => ".lokr_" + parameter;

    public override string Shared(Adapter adapter)
    {
        LokrOptions options = (LokrOptions)adapter.Options;
        return $"factor {options.Factor}{(options.DecomposeBoth ? ", both factors decomposed" : "")}";
    }

    public override void WriteOptions(ConfigMembers members, IReadOnlyList<(string Module, Adapter Adapter)> adapters)
    {
        LokrOptions first = ((LokrAdapter)adapters[0].Adapter).Options;
        float alpha = first.Alpha ?? first.Rank;
        members.Add("alpha", alpha);
        members.Add("alpha_pattern", adapters.Select(a => (a.Module, Alpha: AlphaOf(a.Adapter))).Where(a => a.Alpha != alpha));
        members.Add("decompose_both", first.DecomposeBoth);
        members.Add("decompose_factor", first.Factor);
        members.Add("init_weights", true);
        members.Add("module_dropout", 0f);
        members.AddNull("modules_to_save");
        members.Add("r", first.Rank);
        members.Add("rank_dropout", 0f);
        members.Add("rank_pattern", adapters.Select(a => (a.Module, Rank: (float)((LokrAdapter)a.Adapter).Options.Rank)).Where(a => a.Rank != first.Rank));
    }

    public override (int Outputs, int Inputs)? SizeOf(AdapterConfig config, ModuleTensors tensors)
    {
        (int Rows, int Columns) Factor(string name) => tensors.Has(Suffix(name)) ? tensors.Matrix(Suffix(name)) : (tensors.Matrix(Suffix(name + "_a")).Rows, tensors.Matrix(Suffix(name + "_b")).Columns);
        var (outer, inner) = (Factor("w1"), Factor("w2"));
        (int outputs, int inputs) = tensors.KroneckerSize(outer, inner);
        KroneckerShape shape = new(outer.Rows, outer.Columns, inner.Rows, inner.Columns), expected = Options(config, tensors).ShapeFor(outputs, inputs);
        if (shape != expected) throw tensors.Error($"the factors of {Quoted.Name(tensors.Stem)} must have the lengths {expected} that decompose_factor gives, got {shape}; check that both files of the adapter belong together.");
        return (outputs, inputs);
    }

    public override Adapter Create(AdapterConfig config, ModuleTensors tensors, Projection projection) => new LokrAdapter(projection.Out, projection.In, Options(config, tensors), seed: 0, stream: 0);

    private static LokrOptions Options(AdapterConfig config, ModuleTensors tensors)
    {
        config.RequireAbsent("modules_to_save", "use_effective_conv2d");
        LokrOptions options = new()
        {
            Rank = (int)(config.Pattern("rank_pattern", tensors.Module) ?? config.Whole("r") ?? 8),
            Alpha = config.Pattern("alpha_pattern", tensors.Module) ?? config.Number("alpha") ?? 8,
            DecomposeBoth = config.Flag("decompose_both"),
            Factor = config.Whole("decompose_factor") ?? -1,
        };
        MokaFormat.Valid(config, options.Validate);
        return options;
    }

    /// <summary>‖A B‖ for A [rows, rank] and B [rank, columns]: the square is the trace of (AᵀA) (B Bᵀ).</summary>
    private static double ProductNorm(float[] a, float[] b, int rank)
    {
        int rows = a.Length / rank, columns = b.Length / rank;
        double square = 0;
        for (int k = 0; k < rank; k++)
            for (int l = 0; l < rank; l++)
            {
                double left = 0, right = 0;
                for (int i = 0; i < rows; i++) left += (double)a[i * rank + k] * a[i * rank + l];
                for (int j = 0; j < columns; j++) right += (double)b[k * columns + j] * b[l * columns + j];
                square += left * right;
            }
        return Math.Sqrt(Math.Max(0, square));
    }

    private static float AlphaOf(Adapter adapter) => ((LokrAdapter)adapter).Options is { } options ? options.Alpha ?? options.Rank : 0;
}
