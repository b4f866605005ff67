using MoKA.Native.Adapters;
using MoKA.Native.Diagnostics;
using MoKA.Native.LinearAlgebra;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Nn;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>How many directions an adapted map's update really uses, or why that is not said.</summary>
/// <param name="Value">The <see cref="EffectiveRank"/> of the update; zero before training, null when it is not known.</param>
/// <param name="StandardError">That of an estimate; zero for an exact value.</param>
/// <param name="Estimated">Whether it is an <see cref="EffectiveRankEstimate"/>.</param>
/// <param name="Reason">Why there is none; empty when there is one.</param>
public readonly record struct UpdateRank(double? Value, double StandardError, bool Estimated, string Reason);

/// <summary>
/// The effective rank of each map's update in a saved adapter. A Kronecker product's is the product of its factors', a
/// low-rank update's comes from matrices [r, r], that of other short maps from the update written out, all of them exact;
/// where that takes too long it is estimated from products with the update.
/// </summary>
public static class AdapterRanks
{
    /// <summary>The longest shorter side of an update that is written out and decomposed.</summary>
    public const int LongestShorterSide = 512;

    /// <summary>The longest shorter side of an update whose rank is estimated.</summary>
    public const int LongestEstimated = 1 << 15;

    /// <summary>The most multiply-adds for the exact ranks of a whole adapter, which take about a second.</summary>
    public const double MostWork = 1.5e9;

    /// <summary>Reads an adapter's folder.</summary>
    /// <param name="folder">The adapter's.</param>
    /// <param name="cpu">What the estimates' products run on.</param>
    /// <param name="model">The base, which DoRA needs, and MoKA_s where its description is an older one.</param>
    /// <param name="cancel">Stops between two maps.</param>
    /// <returns>For each module as the file calls it.</returns>
    /// <exception cref="MokaException">A file is missing or damaged, or the adapter is for another model.</exception>
    public static IReadOnlyDictionary<string, UpdateRank> Read(string folder, Cpu cpu, LlamaModel? model = null, CancellationToken cancel = default)
    {
        using AdapterModules modules = new(folder, model);
        double most = MostWork / Math.Max(1, modules.Stems.Count);
        Dictionary<string, UpdateRank> ranks = [];
        foreach (string stem in modules.Stems)
        {
            cancel.ThrowIfCancellationRequested();
            ranks.Add(stem, model is null && modules.Format is LoraFormat && modules.Config.Flag("use_dora") ? new UpdateRank(null, 0, false, "DoRA also rescales the base's rows; give the base with --model")
                : modules.PlaceOf(stem) is not { } place ? new UpdateRank(null, 0, false, "how often its identities repeat is not in the files; give the base with --model")
                : RankOf(cpu, place, modules.Read(stem, place), most));
        }
        return ranks;
    }

    /// <summary>The rank of an adapter that is not attached, exact where that takes at most so many multiply-adds.</summary>
    private static UpdateRank RankOf(Cpu cpu, Projection place, Adapter adapter, double most)
    {
        IReadOnlyList<KroneckerTerm>? terms = KroneckerTerms.Of(adapter);
        if (adapter is LoraAdapter lora && EffectiveRank.WorkOfProduct(lora.Out, lora.Options.Rank, lora.In) <= most)
            return Exact(EffectiveRank.OfProduct(lora.B.Data, lora.A.Data, lora.Out, lora.Options.Rank, lora.In));
        if (terms is [var term] && WorkOf(term.A) + WorkOf(term.B) <= most) return Exact(RankOf(term.A) * RankOf(term.B));
        int shorter = Math.Min(place.Out, place.In);
        bool writtenOut = shorter <= LongestShorterSide && EffectiveRank.WorkOfMatrix(place.Out, place.In) + (double)(terms?.Count ?? 1) * place.Out * place.In <= most;
        if (!writtenOut && shorter > LongestEstimated) return new UpdateRank(null, 0, false, $"both sides of the map are longer than {LongestEstimated}");
        if (!writtenOut && adapter is AdditiveAdapter additive) return Estimate(cpu, additive.Update());
        using Parameter update = DenseUpdate.Of(place, adapter);
        return writtenOut ? Exact(EffectiveRank.OfMatrix(update.Data, place.Out, place.In)) : Estimate(cpu, LinearOperator.Of(update));
    }

    private static UpdateRank Exact(double value) => new(value, 0, Estimated: false, "");

    private static UpdateRank Estimate(Cpu cpu, LinearOperator update)
    {
        EffectiveRankEstimate estimate = EffectiveRankEstimate.Of(cpu, update);
        return new UpdateRank(estimate.Value, estimate.StandardError, Estimated: true, "");
    }

    private static bool IsThin(ThinFactor factor) => factor.Rank < Math.Min(factor.Rows, factor.Columns);

    private static double WorkOf(ThinFactor factor) => IsThin(factor) ? EffectiveRank.WorkOfProduct(factor.Rows, factor.Rank, factor.Columns) : EffectiveRank.WorkOfMatrix(factor.Rows, factor.Columns);

    private static double RankOf(ThinFactor factor) => IsThin(factor)
        ? EffectiveRank.OfProduct(factor.Left, factor.Right, factor.Rows, factor.Rank, factor.Columns)
        : EffectiveRank.OfMatrix(factor.Dense(), factor.Rows, factor.Columns);
}
