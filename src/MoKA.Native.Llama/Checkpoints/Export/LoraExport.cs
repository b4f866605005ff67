using MoKA.Native.Adapters;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;

namespace MoKA.Native.Llama.Checkpoints.Export;

/// <summary>How updates that are no low-rank products become some.</summary>
public sealed record LoraExportOptions
{
    /// <summary>The most that a map's update may have; the exact construction is taken where it needs no more. Null for exact alone.</summary>
    public int? Rank { get; init; }

    /// <summary>The share of a map's squared singular values that its rank must keep, in (0, 1]. Null for exact alone.</summary>
    public double? Energy { get; init; }

    /// <summary>The highest rank that is made without being asked for: beyond it an exact adapter costs more than it is worth.</summary>
    public int MostExactRank { get; init; } = 512;

    /// <summary>Throws one line when a value is out of range.</summary>
    public void Validate()
    {
        if (Rank is { } rank && rank is < 1 or > LoraOptions.HighestRank) throw new MokaException($"Rank: must be from 1 to {LoraOptions.HighestRank}, got {rank}.");
        if (Energy is { } energy && energy is not (> 0 and <= 1)) throw new MokaException(FormattableString.Invariant($"Energy: must be above 0 and at most 1, got {energy}."));
        if (Rank is not null && Energy is not null) throw new MokaException("Rank and energy: give one of the two, got both.");
        if (MostExactRank is < 1 or > LoraOptions.HighestRank) throw new MokaException($"Highest exact rank: must be from 1 to {LoraOptions.HighestRank}, got {MostExactRank}.");
    }
}

/// <summary>What became of one adapted map.</summary>
/// <param name="Name">The map.</param>
/// <param name="Outputs">Its outputs.</param>
/// <param name="Inputs">Its inputs.</param>
/// <param name="Rank">The rank it has now.</param>
/// <param name="Exact">Whether that is the update itself, up to rounding.</param>
/// <param name="RelativeError">‖ΔW - B A‖ / ‖ΔW‖, Frobenius, measured.</param>
public readonly record struct ExportedModule(string Name, int Outputs, int Inputs, int Rank, bool Exact, double RelativeError);

/// <summary>Turns adapters of any additive kind into LoRA, exactly where their ranks allow it.</summary>
public static class LoraExport
{
    /// <summary>Converts every adapter; those that are LoRA already are taken as they are. One map's update is in memory at a time.</summary>
    /// <param name="cpu">What the large products run on.</param>
    /// <param name="adapters">Not attached.</param>
    /// <param name="options">What to do where exactness is too dear.</param>
    /// <param name="report">Told of each map when it is done.</param>
    /// <param name="cancel">Stops between two maps.</param>
    /// <returns>The same maps with LoRA adapters whose scale is 1 unless they had another one.</returns>
    /// <exception cref="MokaException">An adapter is DoRA, or its exact rank is too high and neither a rank nor an energy is given.</exception>
    public static AdapterSet Convert(Cpu cpu, AdapterSet adapters, LoraExportOptions options, Action<ExportedModule>? report = null, CancellationToken cancel = default)
    {
        options.Validate();
        // Before the work begins, so that nobody waits for a refusal.
        foreach ((Projection place, Adapter adapter) in adapters.Entries) RequirePossible(place, adapter, options);
        List<(Projection, Adapter)> entries = [];
        foreach ((Projection place, Adapter adapter) in adapters.Entries)
        {
            cancel.ThrowIfCancellationRequested();
            (LoraAdapter lora, ExportedModule module) = Convert(cpu, place, adapter, options);
            entries.Add((place, lora));
            report?.Invoke(module);
        }
        return new AdapterSet(entries, adapters.Targets);
    }

    private static (LoraAdapter, ExportedModule) Convert(Cpu cpu, Projection place, Adapter adapter, LoraExportOptions options)
    {
        if (adapter is LoraAdapter same) return (same, new ExportedModule(place.Name, place.Out, place.In, same.Options.Rank, Exact: true, RelativeError: 0));
        using Parameter update = DenseUpdate.Of(place, adapter);
        bool exact = IsExact(place, adapter, options);
        LowRankProduct product = exact ? LowRankProduct.Exact(KroneckerTerms.Of(adapter)!)
            : options.Rank is { } rank ? LowRankProduct.Nearest(cpu, update, rank)
            : LowRankProduct.WithEnergy(cpu, update, options.Energy!.Value, KroneckerTerms.Of(adapter));
        exact |= options.Energy is not null && KroneckerTerms.Of(adapter) is { } terms && product.Rank == LowRankProduct.ExactRank(terms);
        return (product.ToLora(), new ExportedModule(place.Name, place.Out, place.In, product.Rank, exact, product.RelativeError(cpu, update)));
    }

    // An energy asks for the least rank; whether the exact construction has it shows in the singular values.
    private static bool IsExact(Projection place, Adapter adapter, LoraExportOptions options) =>
        options.Energy is null && KroneckerTerms.Of(adapter) is { } terms && LowRankProduct.ExactRank(terms) is var rank
        && rank <= (options.Rank ?? options.MostExactRank) && rank < Math.Min(place.Out, place.In);

    private static void RequirePossible(Projection place, Adapter adapter, LoraExportOptions options)
    {
        if (adapter is DoraAdapter) throw new MokaException($"{place.Name}: DoRA scales the rows of the base, which no sum of a base and a LoRA does; merge the adapter into the base instead.");
        if (adapter is LoraAdapter || options.Rank is not null || options.Energy is not null || IsExact(place, adapter, options)) return;
        string why = KroneckerTerms.Of(adapter) is { } terms
            ? $"the exact LoRA of its update [{place.Out}, {place.In}] has rank {LowRankProduct.ExactRank(terms)}, which must be below {Math.Min(place.Out, place.In)} and at most {options.MostExactRank}"
            : "its update is not known to be an exact LoRA";
        throw new MokaException($"{place.Name}: {why}; give a rank or an energy for the nearest one, or merge the adapter into the base.");
    }
}
