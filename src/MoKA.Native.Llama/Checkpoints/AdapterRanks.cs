using System.Globalization;
using MoKA.Native.Adapters;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.LinearAlgebra;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>How many directions an adapted map's update really uses, or why that is not said.</summary>
/// <param name="Value">The <see cref="EffectiveRank"/> of the update; zero before training, null when it is not computed.</param>
/// <param name="Reason">Why there is none; empty when there is one.</param>
public readonly record struct UpdateRank(double? Value, string Reason);

/// <summary>
/// The effective rank of each map's update in a saved adapter, from the adapter alone. A Kronecker product's is the product
/// of its factors', a low-rank update's comes from matrices [r, r], and only a mixture of several filters is written out,
/// when its map is short enough on one side.
/// </summary>
public static class AdapterRanks
{
    /// <summary>The longest shorter side of a map whose mixture is written out.</summary>
    public const int LongestShorterSide = 512;

    private const int LongestSide = 1 << 16;

    /// <summary>The most multiply-adds for a whole adapter, which take about a second.</summary>
    public const double MostWork = 1.5e9;

    /// <summary>Reads an adapter's folder.</summary>
    /// <returns>For each module as the file calls it.</returns>
    /// <exception cref="MokaException">A file is missing or damaged.</exception>
    public static IReadOnlyDictionary<string, UpdateRank> Read(string folder)
    {
        AdapterConfig config = AdapterConfig.Read(Path.Combine(folder, AdapterFolder.ConfigFile));
        AdapterFormat format = AdapterFolder.FormatOf(config);
        using SafetensorsFile file = new(Path.Combine(folder, AdapterFolder.WeightsFile));
        (string Stem, Way Way)[] ways = [.. file.Tensors.Keys.Select(format.StemOf).OfType<string>().Distinct().Order(StringComparer.Ordinal).Select(stem => (stem, WayOf(format, config, new ModuleTensors(file, stem, stem))))];
        double work = ways.Sum(w => w.Way.Work);
        string tooMuch = work <= MostWork ? "" : string.Create(CultureInfo.InvariantCulture, $"it would take {work / 1e9:0.0} billion multiply-adds, and {MostWork / 1e9:0.0} are the most");
        return ways.ToDictionary(w => w.Stem, w => w.Way switch
        {
            { Compute: null, Reason: { } reason } => new UpdateRank(null, reason),
            { Compute: { } compute } when tooMuch.Length == 0 => new UpdateRank(compute(), ""),
            _ => new UpdateRank(null, tooMuch),
        });
    }

    private static Way WayOf(AdapterFormat format, AdapterConfig config, ModuleTensors tensors) => format switch
    {
        MokaFormat => Mixture(format, config, tensors),
        MokaSFormat => new Way("how often its identities repeat is not in the file"),
        KronaFormat => Factor(tensors, format.Suffix("A")).Times(Factor(tensors, format.Suffix("B"))),
        LoraFormat when config.Flag("use_dora") => new Way("DoRA also rescales the base's rows"),
        LoraFormat => Product(tensors, format.Suffix("B"), format.Suffix("A")),
        LokrFormat => Lokr(tensors, format.Suffix("w1")).Times(Lokr(tensors, format.Suffix("w2"))),
        _ => new Way($"it is not known for {format.PeftType}"),
    };

    private static Way Mixture(AdapterFormat format, AdapterConfig config, ModuleTensors tensors)
    {
        int filters = config.RequiredWhole("filters");
        if (filters is < 1 or > MokaOptions.MostFilters) throw config.Error($"Filters: there must be 1 to {MokaOptions.MostFilters}, got {filters}.");
        if (filters == 1) return Factor(tensors, format.Suffix("A.0")).Times(Factor(tensors, format.Suffix("B.0")));
        KroneckerShape[] shapes = [.. Enumerable.Range(0, filters).Select(i => ShapeOf(tensors, format.Suffix($"A.{i}"), format.Suffix($"B.{i}")))];
        KroneckerShape first = shapes[0];
        (long outputs, long inputs) = ((long)first.RowsA * first.RowsB, (long)first.ColumnsA * first.ColumnsB);
        if (shapes.FirstOrDefault(s => (long)s.RowsA * s.RowsB != outputs || (long)s.ColumnsA * s.ColumnsB != inputs) is { RowsA: > 0 } other)
            throw tensors.Error($"{Quoted.Name(tensors.Stem)} has filters {first} and {other} of different maps; check that both files of the adapter belong together.");
        if (Math.Min(outputs, inputs) > LongestShorterSide || Math.Max(outputs, inputs) > LongestSide)
            return new Way($"a mixture of several filters is written out only where one side has at most {LongestShorterSide}");
        MokaOptions options = new() { Shapes = shapes, Gated = tensors.Has(format.Suffix("gate")), Temperature = config.RequiredNumber("gate_temperature") };
        MokaFormat.Valid(config, options.Validate);
        int gates = tensors.Gate(format.Suffix("gate"), filters, options.Temperature).Length; // refuses a gate of another length
        return new Way(EffectiveRank.WorkOfMatrix((int)outputs, (int)inputs) + (double)gates * outputs * inputs, () =>
        {
            MokaAdapter adapter = new((int)outputs, (int)inputs, options, seed: 0, stream: 0);
            float[] update = new float[outputs * inputs];
            foreach (Parameter parameter in adapter.Parameters) tensors.Floats(format.Suffix(parameter.Name)).CopyTo(parameter.Data);
            adapter.Merge(update);
            foreach (Parameter parameter in adapter.Parameters) parameter.Dispose();
            return EffectiveRank.OfMatrix(update, (int)outputs, (int)inputs);
        });
    }

    private static Way Lokr(ModuleTensors tensors, string suffix) => tensors.Has(suffix) ? Factor(tensors, suffix) : Product(tensors, suffix + "_a", suffix + "_b");

    private static Way Factor(ModuleTensors tensors, string suffix)
    {
        (int rows, int columns) = tensors.Matrix(suffix);
        return new Way(EffectiveRank.WorkOfMatrix(rows, columns), () => EffectiveRank.OfMatrix(tensors.Floats(suffix), rows, columns));
    }

    /// <summary>L R with L [rows, r] and R [r, columns].</summary>
    private static Way Product(ModuleTensors tensors, string left, string right)
    {
        (int rows, int rank) = tensors.Matrix(left);
        (int same, int columns) = tensors.Matrix(right);
        if (rank != same) throw tensors.Error($"'{tensors.Stem}{left}' [{rows}, {rank}] and '{tensors.Stem}{right}' [{same}, {columns}] must have one rank; check that both files of the adapter belong together.");
        return new Way(EffectiveRank.WorkOfProduct(rows, rank, columns), () => EffectiveRank.OfProduct(tensors.Floats(left), tensors.Floats(right), rows, rank, columns));
    }

    private static KroneckerShape ShapeOf(ModuleTensors tensors, string suffixA, string suffixB)
    {
        (int rowsA, int columnsA) = tensors.Matrix(suffixA);
        (int rowsB, int columnsB) = tensors.Matrix(suffixB);
        return new KroneckerShape(rowsA, columnsA, rowsB, columnsB);
    }

    /// <summary>How a map's effective rank is found and at what work, or why it is not.</summary>
    private sealed record Way(double Work, Func<double>? Compute)
    {
        public Way(string reason) : this(0, null) => Reason = reason;

        public string? Reason { get; }

        /// <summary>Of the Kronecker product of both.</summary>
        public Way Times(Way other) => new(Work + other.Work, () => Compute!() * other.Compute!());
    }
}
