using MoKA.Native.Adapters;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Training;

/// <summary>What a method would add to one linear map.</summary>
/// <param name="Parameters">Trainable numbers, the gate's included.</param>
/// <param name="Gates">Those of them that are a gate's.</param>
/// <param name="Cost">Multiply-adds a token of the forward pass, on top of the frozen map's.</param>
public readonly record struct MapCost(long Parameters, long Gates, long Cost);

/// <summary>What an adapter method would train on a model, from the model's sizes alone.</summary>
public sealed class AdapterPlan
{
    private const string DoraTargets = "q,k,v,up,down"; // the set of DoRA's own experiments

    /// <summary>Counts a method on the chosen kinds of map.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="method">How each map is adapted.</param>
    /// <param name="targets">Which kinds of map are.</param>
    /// <exception cref="MokaException">An option is out of range, a target is none of the model's maps, or the method cannot adapt one of them.</exception>
    public AdapterPlan(LlamaConfig config, AdapterOptions method, AdapterTargets targets)
    {
        string[] known = [.. config.LinearMaps.Select(m => m.Kind)];
        if (targets.Kinds.FirstOrDefault(k => k != AdapterTargets.Everything && !known.Contains(k)) is { } other)
            throw new MokaException($"Targets: the model has the projections {string.Join(", ", known)} (or {AdapterTargets.Everything}), got {Quoted.Name(other)}.");
        method.Validate();
        (Method, Targets) = (method, targets);
        long layers = config.Layers;
        method.RequireKinds(known.Where(targets.Contains));
        Kinds = [.. config.LinearMaps.Where(m => targets.Contains(m.Kind)).Select(m => (m.Kind, Own: method.For(m.Kind), m.Outputs, m.Inputs)).Select(m =>
            (m.Kind, new MapCost(layers * m.Own.ParametersFor(m.Outputs, m.Inputs), layers * m.Own.GatesFor(m.Outputs, m.Inputs), layers * m.Own.CostFor(m.Outputs, m.Inputs))))];
        Share = (double)Parameters / config.ParameterCount;
    }

    /// <summary>The method with its settings.</summary>
    public AdapterOptions Method { get; }

    /// <summary>Which kinds of map are adapted.</summary>
    public AdapterTargets Targets { get; }

    /// <summary>Each adapted kind of map, summed over the layers.</summary>
    public IReadOnlyList<(string Kind, MapCost Cost)> Kinds { get; }

    /// <summary>Trainable numbers.</summary>
    public long Parameters => Kinds.Sum(k => k.Cost.Parameters);

    /// <summary>Those of them that are gates'.</summary>
    public long Gates => Kinds.Sum(k => k.Cost.Gates);

    /// <summary>Multiply-adds a token, on top of the base's.</summary>
    public long Cost => Kinds.Sum(k => k.Cost.Cost);

    /// <summary>Trainable numbers over those of the base.</summary>
    public double Share { get; }

    /// <summary>The methods as they are usually set: MoKA on q,v and on all maps, the others beside it, and LoRA and DoRA as DoRA's authors compare them.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="filters">The number of MoKA's filters.</param>
    /// <param name="rank">The rank of LoRA and DoRA, or null for 16 on q,v and 32 on q,k,v,up,down.</param>
    /// <param name="targets">What every method adapts, or null for what is usual for each.</param>
    /// <exception cref="MokaException">An option is out of range, or a target is none of the model's maps.</exception>
    public static IReadOnlyList<AdapterPlan> Usual(LlamaConfig config, int filters = 10, int? rank = null, AdapterTargets? targets = null)
    {
        MokaOptions moka = new() { Filters = filters };
        LoraOptions small = new() { Rank = rank ?? 16 }, large = new() { Rank = rank ?? 32 };
        (AdapterOptions, string)[] all =
        [
            (moka, "q,v"), (moka, AdapterTargets.Everything), (new MokaSOptions(), "q,v"),
            (new KronaOptions(), "q,v"), (new LokrOptions(), "q,v"),
            (small, "q,v"), (large, DoraTargets), (small with { Decomposed = true }, "q,v"), (large with { Decomposed = true }, DoraTargets),
        ];
        return
        [
            .. all.Select(m => (Method: m.Item1, On: targets?.ToString() ?? m.Item2)).DistinctBy(m => (m.Method.Method, m.Method.Brief, m.On))
                .Select(m => new AdapterPlan(config, m.Method, AdapterTargets.Parse(m.On))),
        ];
    }
}
