using System.Globalization;
using MoKA.Native.Adapters;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// MOKA: moka_A.i [RowsA, ColumnsA], moka_B.i [RowsB, ColumnsB] and moka_gate [filters]. Shapes may differ from module to
/// module and stand in the tensors.
/// </summary>
internal sealed class MokaFormat : AdapterFormat
{
    public override string PeftType => "MOKA";

    protected override string Marker => ".moka_";

    public override bool Holds(Adapter adapter) => adapter is MokaAdapter;

    public override string Method(AdapterConfig config) =>
        $"{config.RequiredWhole("filters")} filters a map, {GateText(config)}, scale {Text(config.RequiredNumber("scale"))}";

    public override IReadOnlyList<AdapterPart> Parts(AdapterConfig config, ModuleTensors tensors)
    {
        int filters = config.RequiredWhole("filters");
        if (filters is < 1 or > MokaOptions.MostFilters) throw config.Error($"Filters: there must be 1 to {MokaOptions.MostFilters}, got {filters}.");
        double[] gate = tensors.Gate(Suffix("gate"), filters, config.RequiredNumber("gate_temperature"));
        return [.. Enumerable.Range(0, filters).Select(i => KroneckerPart(tensors, Suffix($"A.{i}"), Suffix($"B.{i}"), gate[i]))];
    }

    public override string Suffix(string parameter) => ".moka_" + parameter;

    public override string Shared(Adapter adapter)
    {
        MokaAdapter mixture = (MokaAdapter)adapter;
        return $"{mixture.Filters.Count} filters, {GateText(mixture.Options.Gated, mixture.Options.Temperature)}, {Common(mixture.Options.Scale, mixture.Options.Dropout)}";
    }

    public override void WriteOptions(ConfigMembers members, IReadOnlyList<(string Module, Adapter Adapter)> adapters)
    {
        MokaAdapter first = (MokaAdapter)adapters[0].Adapter;
        members.Add("dropout", first.Options.Dropout);
        members.Add("filters", first.Filters.Count);
        members.Add("gate_temperature", first.Options.Temperature);
        members.Add("gated", first.Options.Gated);
        members.Add("scale", first.Options.Scale);
    }

    public override (int Outputs, int Inputs)? SizeOf(AdapterConfig config, ModuleTensors tensors) => tensors.KroneckerSize(tensors.Matrix(Suffix("A.0")), tensors.Matrix(Suffix("B.0")));

    public override Adapter Create(AdapterConfig config, ModuleTensors tensors, Projection projection)
    {
        MokaOptions options = new()
        {
            Filters = config.RequiredWhole("filters"),
            Scale = config.RequiredNumber("scale"),
            Dropout = config.RequiredNumber("dropout"),
            Temperature = config.RequiredNumber("gate_temperature"),
            Gated = config.Flag("gated"),
        };
        Valid(config, options.Validate);
        options = options with { Shapes = [.. Enumerable.Range(0, options.Filters).Select(i => Kronecker(tensors, Suffix($"A.{i}"), Suffix($"B.{i}"), projection))] };
        return new MokaAdapter(projection.Out, projection.In, options, seed: 0, stream: 0);
    }

    internal static string GateText(AdapterConfig config) => config.Flag("gated") ? GateText(gated: true, config.RequiredNumber("gate_temperature")) : GateText(gated: false, 1);

    internal static string GateText(bool gated, float temperature) => gated ? $"gate softmax(g / {Text(temperature)})" : "no gate";

    internal static string Common(float scale, float dropout) => $"scale {Text(scale)}, dropout {Text(dropout)}";

    /// <summary>Short and yet exact: what two adapters share is compared as text.</summary>
    internal static string Text(float number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>A Kronecker product by its two factors.</summary>
    internal static AdapterPart KroneckerPart(ModuleTensors tensors, string suffixA, string suffixB, double weight)
    {
        (int rowsA, int columnsA) = tensors.Matrix(suffixA);
        (int rowsB, int columnsB) = tensors.Matrix(suffixB);
        KroneckerShape shape = new(rowsA, columnsA, rowsB, columnsB);
        return new AdapterPart(shape.ToString(), weight, tensors.Norm(suffixA), tensors.Norm(suffixB), shape.MaximalRank, Math.Min((long)rowsA * rowsB, (long)columnsA * columnsB));
    }

    /// <summary>The shape that two factors have together, which must be that of the map.</summary>
    internal static KroneckerShape Kronecker(ModuleTensors tensors, string suffixA, string suffixB, Projection projection)
    {
        (int rowsA, int columnsA) = tensors.Matrix(suffixA);
        (int rowsB, int columnsB) = tensors.Matrix(suffixB);
        if ((long)rowsA * rowsB != projection.Out || (long)columnsA * columnsB != projection.In)
            throw tensors.Error($"'{tensors.Stem}{suffixA}' [{rowsA}, {columnsA}] and its B [{rowsB}, {columnsB}] must multiply to the adapted weight [{projection.Out}, {projection.In}]; check that the adapter is for this model.");
        return new KroneckerShape(rowsA, columnsA, rowsB, columnsB);
    }

    /// <summary>Runs a check of options, whose errors are the file's.</summary>
    internal static void Valid(AdapterConfig config, Action check)
    {
        try
        {
            check();
        }
        catch (MokaException rule)
        {
            throw config.Error(rule.Message);
        }
    }
}

/// <summary>KRONA: krona_A and krona_B, one Kronecker product.</summary>
internal sealed class KronaFormat : AdapterFormat
{
    public override string PeftType => "KRONA";

    protected override string Marker => ".krona_";

    public override bool Holds(Adapter adapter) => adapter is KronaAdapter;

    public override string Method(AdapterConfig config) => $"one Kronecker product a map, scale {MokaFormat.Text(config.RequiredNumber("scale"))}";

    public override IReadOnlyList<AdapterPart> Parts(AdapterConfig config, ModuleTensors tensors) =>
        [MokaFormat.KroneckerPart(tensors, Suffix("A"), Suffix("B"), config.RequiredNumber("scale"))];

    public override string Suffix(string parameter) => ".krona_" + parameter;

    public override string Shared(Adapter adapter)
    {
        KronaOptions options = (KronaOptions)adapter.Options;
        return MokaFormat.Common(options.Scale, options.Dropout);
    }

    public override void WriteOptions(ConfigMembers members, IReadOnlyList<(string Module, Adapter Adapter)> adapters)
    {
        KronaOptions options = ((KronaAdapter)adapters[0].Adapter).Options;
        members.Add("dropout", options.Dropout);
        members.Add("scale", options.Scale);
    }

    public override (int Outputs, int Inputs)? SizeOf(AdapterConfig config, ModuleTensors tensors) => tensors.KroneckerSize(tensors.Matrix(Suffix("A")), tensors.Matrix(Suffix("B")));

    public override Adapter Create(AdapterConfig config, ModuleTensors tensors, Projection projection)
    {
        KronaOptions options = new() { Scale = config.RequiredNumber("scale"), Dropout = config.RequiredNumber("dropout"), Shape = MokaFormat.Kronecker(tensors, Suffix("A"), Suffix("B"), projection) };
        MokaFormat.Valid(config, options.Validate);
        return new KronaAdapter(projection.Out, projection.In, options, seed: 0, stream: 0);
    }
}

/// <summary>MOKA_S: moka_IM.i where the identity is the first factor, moka_MI.i where it is the second, and moka_gate [filters].</summary>
internal sealed class MokaSFormat : AdapterFormat
{
    /// <summary>Of each kind of map, [outputs, inputs]: how often an identity repeats.</summary>
    private const string Sizes = "map_sizes";

    public override string PeftType => "MOKA_S";

    protected override string Marker => ".moka_";

    public override bool Holds(Adapter adapter) => adapter is MokaSAdapter;

    public override string Method(AdapterConfig config) => $"filters with an identity, {MokaFormat.GateText(config)}, scale {MokaFormat.Text(config.RequiredNumber("scale"))}";

    // How often an identity repeats depends on the map; without it the ranks are those of the matrices.
    public override IReadOnlyList<AdapterPart> Parts(AdapterConfig config, ModuleTensors tensors)
    {
        string[] names = [.. Names(tensors)];
        double[] gate = tensors.Gate(Suffix("gate"), names.Length, config.RequiredNumber("gate_temperature"));
        return [.. names.Select((name, i) =>
        {
            (int rows, int columns) = tensors.Matrix(Suffix(name));
            string shape = name.StartsWith("IM", StringComparison.Ordinal) ? $"I:{rows}x{columns}" : $"{rows}x{columns}:I";
            return new AdapterPart(shape, gate[i], tensors.Norm(Suffix(name)), 0, Math.Min(rows, columns));
        })];
    }

    public override string Suffix(string parameter) => ".moka_" + parameter;

    public override string Shared(Adapter adapter)
    {
        MokaSOptions options = (MokaSOptions)adapter.Options;
        return $"{MokaFormat.GateText(options.Gated, options.Temperature)}, {MokaFormat.Common(options.Scale, options.Dropout)}";
    }

    public override void WriteOptions(ConfigMembers members, IReadOnlyList<(string Module, Adapter Adapter)> adapters)
    {
        MokaSOptions options = ((MokaSAdapter)adapters[0].Adapter).Options;
        members.Add("dropout", options.Dropout);
        members.Add("gate_temperature", options.Temperature);
        members.Add("gated", options.Gated);
        members.Add(Sizes, adapters.GroupBy(a => HuggingFaceNames.LastPart(a.Module)).Where(k => k.All(a => (a.Adapter.Out, a.Adapter.In) == (k.First().Adapter.Out, k.First().Adapter.In)))
            .Select(k => (k.Key, (IReadOnlyList<int>)[k.First().Adapter.Out, k.First().Adapter.In])));
        members.Add("scale", options.Scale);
    }

    // Older descriptions lack it.
    public override (int Outputs, int Inputs)? SizeOf(AdapterConfig config, ModuleTensors tensors) => config.Member(Sizes)?.Wholes(HuggingFaceNames.LastPart(tensors.Module)) switch
    {
        null => null,
        [> 0 and var outputs, > 0 and var inputs] => tensors.KroneckerSize((outputs, inputs), (1, 1)),
        _ => throw config.Error($"{Sizes} must hold [outputs, inputs] of {Quoted.Name(tensors.Module)}; write the adapter again or take it from its source."),
    };

    public override Adapter Create(AdapterConfig config, ModuleTensors tensors, Projection projection)
    {
        IdentityShape[] shapes = [.. Names(tensors).Select(name => Shape(tensors, Suffix(name), name.StartsWith("IM", StringComparison.Ordinal), projection))];
        if (shapes.Length == 0) throw tensors.Error($"{Quoted.Name(tensors.Stem)} has no filter; check that both files of the adapter belong together.");
        MokaSOptions options = new() { Shapes = shapes, Scale = config.RequiredNumber("scale"), Dropout = config.RequiredNumber("dropout"), Temperature = config.RequiredNumber("gate_temperature"), Gated = config.Flag("gated") };
        MokaFormat.Valid(config, options.Validate);
        return new MokaSAdapter(projection.Out, projection.In, options);
    }

    /// <summary>The matrices that are there: IM.0, MI.1, ...</summary>
    private IEnumerable<string> Names(ModuleTensors tensors)
    {
        for (int i = 0; i < MokaOptions.MostFilters; i++)
        {
            string? name = new[] { $"IM.{i}", $"MI.{i}" }.FirstOrDefault(n => tensors.Has(Suffix(n)));
            if (name is null) yield break;
            yield return name;
        }
    }

    private static IdentityShape Shape(ModuleTensors tensors, string suffix, bool first, Projection projection)
    {
        (int rows, int columns) = tensors.Matrix(suffix);
        int repeats = projection.Out / rows;
        IdentityShape shape = new(rows, columns, repeats, first);
        return repeats > 0 && shape.Out == projection.Out && shape.In == projection.In
            ? shape
            : throw tensors.Error($"'{tensors.Stem}{suffix}' [{rows}, {columns}] must divide the adapted weight [{projection.Out}, {projection.In}] as often in rows as in columns; check that the adapter is for this model.");
    }
}
