using MoKA.Native.Adapters;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;

namespace MoKA.Native.Llama.Checkpoints.Export;

/// <summary>How updates become low-rank products, or such of a lower rank.</summary>
public sealed record LoraExportOptions
{
    /// <summary>The most that a map's update may have; the exact construction is taken where it needs no more. Null for what is exact alone.</summary>
    public int? Rank { get; init; }

    /// <summary>The share of a map's squared singular values that its rank must keep, in (0, 1]. Null for what is exact alone.</summary>
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

/// <summary>Turns adapters of any kind into LoRA, exactly where their ranks allow it.</summary>
public static class LoraExport
{
    /// <summary>
    /// Converts every adapter. LoRA of no higher rank than is asked for is taken as it is; so is DoRA, which PEFT keeps in the
    /// same files, unless a rank or an energy asks for the LoRA nearest to what it does to its base's weight. One map's update is
    /// in memory at a time.
    /// </summary>
    /// <param name="cpu">What the large products run on.</param>
    /// <param name="adapters">Not attached.</param>
    /// <param name="options">What to do where exactness is too dear.</param>
    /// <param name="report">Told of each map when it is done.</param>
    /// <param name="cancel">Stops between two maps.</param>
    /// <returns>The same maps with LoRA adapters of scale 1, but for those that were taken as they are; <paramref name="adapters"/> itself if all were.</returns>
    /// <exception cref="MokaException">An exact rank is too high and neither a rank nor an energy is given, or the LoRA nearest to a DoRA is asked for without its base.</exception>
    public static AdapterSet Convert(Cpu cpu, AdapterSet adapters, LoraExportOptions options, Action<ExportedModule>? report = null, CancellationToken cancel = default)
    {
        options.Validate();
        // Before the work begins, so that nobody waits for a refusal.
        foreach ((Projection place, Adapter adapter) in adapters.Entries) RequirePossible(place, adapter, options);
        List<(Projection, Adapter)> entries = [];
        bool same = true;
        foreach ((Projection place, Adapter adapter) in adapters.Entries)
        {
            cancel.ThrowIfCancellationRequested();
            (Adapter made, ExportedModule module) = Convert(cpu, place, adapter, options);
            entries.Add((place, made));
            same &= made == adapter;
            report?.Invoke(module);
        }
        return same ? adapters : new AdapterSet(entries, adapters.Targets);
    }

    private static (Adapter, ExportedModule) Convert(Cpu cpu, Projection place, Adapter adapter, LoraExportOptions options)
    {
        if (IsKept(adapter, options)) return Kept(place, adapter);
        using Parameter update = DenseUpdate.Of(place, adapter);
        IReadOnlyList<KroneckerTerm>? terms = TermsOf(adapter);
        bool exact = IsExact(place, terms, options);
        LowRankProduct product = exact ? LowRankProduct.Exact(terms!)
            : options.Rank is { } rank ? LowRankProduct.Nearest(cpu, update, rank)
            : LowRankProduct.WithEnergy(cpu, update, options.Energy!.Value, terms);
        exact |= options.Energy is not null && terms is not null && product.Rank == LowRankProduct.ExactRank(terms);
        return exact && adapter is LoraAdapter ? Kept(place, adapter) : (product.ToLora(), new ExportedModule(place.Name, place.Out, place.In, product.Rank, exact, product.RelativeError(cpu, update)));
    }

    private static (Adapter, ExportedModule) Kept(Projection place, Adapter adapter) =>
        (adapter, new ExportedModule(place.Name, place.Out, place.In, adapter is DoraAdapter dora ? dora.Options.Rank : ((LoraAdapter)adapter).Options.Rank, Exact: true, RelativeError: 0));

    private static bool IsKept(Adapter adapter, LoraExportOptions options) => options.Energy is null && adapter switch
    {
        LoraAdapter lora => options.Rank is not { } most || lora.Options.Rank <= most,
        DoraAdapter => options.Rank is null,
        _ => false,
    };

    // B A is one Kronecker product too, with the inner factor 1.
    private static IReadOnlyList<KroneckerTerm>? TermsOf(Adapter adapter) => adapter is LoraAdapter lora
        ? [new KroneckerTerm(lora.Options.Scale, new ThinFactor(lora.Out, lora.In, lora.Options.Rank, lora.B.Data.ToArray(), lora.A.Data.ToArray()), ThinFactor.Identity(1))]
        : KroneckerTerms.Of(adapter);

    // An energy asks for the least rank; whether the exact construction has it shows in the singular values.
    private static bool IsExact(Projection place, IReadOnlyList<KroneckerTerm>? terms, LoraExportOptions options) =>
        options.Energy is null && terms is not null && LowRankProduct.ExactRank(terms) is var rank
        && rank <= (options.Rank ?? options.MostExactRank) && rank < Math.Min(place.Out, place.In);

    private static void RequirePossible(Projection place, Adapter adapter, LoraExportOptions options)
    {
        if (options.Rank is not null || options.Energy is not null || IsKept(adapter, options)) return;
        IReadOnlyList<KroneckerTerm>? terms = KroneckerTerms.Of(adapter);
        if (IsExact(place, terms, options)) return;
        string why = terms is not null
            ? $"the exact LoRA of its update [{place.Out}, {place.In}] has rank {LowRankProduct.ExactRank(terms)}, which must be below {Math.Min(place.Out, place.In)} and at most {options.MostExactRank}"
            : "its update is not known to be an exact LoRA";
        throw new MokaException($"{place.Name}: {why}; give a rank or an energy for the nearest one, or merge the adapter into the base.");
    }
}
