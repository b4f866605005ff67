using System.Globalization;
using MoKA.Native.Adapters;

namespace MoKA.Native.Llama.Training;

/// <summary>What a method would add to one linear map.</summary>
/// <param name="Parameters">Trainable numbers, the gate's included.</param>
/// <param name="Gates">Those of them that are a gate's.</param>
/// <param name="Cost">Multiply-adds a token of the forward pass, on top of the frozen map's.</param>
public readonly record struct MapCost(long Parameters, long Gates, long Cost);

/// <summary>An adapter method with its settings, able to say what it costs a map.</summary>
/// <remarks>
/// Parameters are what the method's own adapter counts when it is built for the map; it is released at once. Multiply-adds
/// are those of the order that the kernels choose.
/// </remarks>
public sealed class PlannedMethod
{
    private readonly Func<int, int, MapCost> _cost;

    private PlannedMethod(string name, string settings, Func<int, int, MapCost> cost) => (Name, Settings, _cost) = (name, settings, cost);

    /// <summary>MoKA, LoRA, ...</summary>
    public string Name { get; }

    /// <summary>What sets it apart from the same method with other settings: r = 16.</summary>
    public string Settings { get; }

    /// <summary>A mixture of Kronecker filters.</summary>
    public static PlannedMethod Moka(MokaOptions options) => new("MoKA", Invariant($"r = {(options.Shapes.Count > 0 ? options.Shapes.Count : options.Filters)}"), (outputs, inputs) =>
    {
        MokaAdapter adapter = new(outputs, inputs, options, seed: 0, stream: 0);
        return Counted(adapter, adapter.Gate?.Shape.Count ?? 0, adapter.Shapes.Sum(s => s.Cost));
    });

    /// <summary>A mixture of filters with an identity.</summary>
    public static PlannedMethod MokaS(MokaSOptions options) => new("MoKA_s", options.Shapes.Count > 0 ? Invariant($"r = {options.Shapes.Count}") : "both sides", (outputs, inputs) =>
    {
        MokaSAdapter adapter = new(outputs, inputs, options);
        return Counted(adapter, adapter.Gate?.Shape.Count ?? 0, adapter.Shapes.Sum(s => s.Cost));
    });

    /// <summary>One Kronecker product.</summary>
    public static PlannedMethod Krona(KronaOptions options) => new("KronA", options.Shape?.ToString() ?? "square", (outputs, inputs) =>
    {
        KronaAdapter adapter = new(outputs, inputs, options, seed: 0, stream: 0);
        return Counted(adapter, 0, adapter.Shape.Cost);
    });

    /// <summary>A Kronecker product whose large factors are of low rank.</summary>
    public static PlannedMethod Lokr(LokrOptions options) => new("LoKr", Invariant($"r = {options.Rank}"), (outputs, inputs) =>
    {
        LokrAdapter adapter = new(outputs, inputs, options, seed: 0, stream: 0);
        KroneckerShape s = adapter.Shape;
        // W1 ⊗ (W2_a W2_b) = (W1 ⊗ W2_a) (I ⊗ W2_b), W2_b [r, ColumnsB] once for each of the ColumnsA parts.
        long cost = adapter.Inner.IsDecomposed ? new IdentityShape(options.Rank, s.ColumnsB, s.ColumnsA, IdentityFirst: true).Cost + (s with { ColumnsB = options.Rank }).Cost : s.Cost;
        return Counted(adapter, 0, cost);
    });

    /// <summary>A product of rank r.</summary>
    public static PlannedMethod Lora(LoraOptions options) => new("LoRA", Invariant($"r = {options.Rank}"), (outputs, inputs) => LowRank(outputs, inputs, options));

    /// <summary>LoRA and the length of each row of the weight. The lengths that it starts from need the weight, its count does not. Once a step, not a token, it also multiplies A with the weight.</summary>
    public static PlannedMethod Dora(LoraOptions options) => new("DoRA", Invariant($"r = {options.Rank}"), (outputs, inputs) =>
    {
        MapCost low = LowRank(outputs, inputs, options);
        return low with { Parameters = low.Parameters + outputs, Cost = low.Cost + outputs };
    });

    /// <summary>What it adds to a map from <paramref name="inputs"/> to <paramref name="outputs"/>.</summary>
    public MapCost Cost(int outputs, int inputs) => _cost(outputs, inputs);

    private static MapCost LowRank(int outputs, int inputs, LoraOptions options) =>
        Counted(new LoraAdapter(outputs, inputs, options, seed: 0, stream: 0), 0, (long)options.Rank * ((long)outputs + inputs));

    private static MapCost Counted(Adapter adapter, long gates, long cost)
    {
        MapCost counted = new(adapter.ParameterCount, gates, cost);
        foreach (Parameter parameter in adapter.Parameters) parameter.Dispose();
        return counted;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
