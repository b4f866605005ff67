using MoKA.Native.Adapters;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;

namespace MoKA.Native.Llama.Checkpoints.Export;

/// <summary>
/// Turns adapters of one Kronecker product a map into PEFT's LoKr. PEFT derives all shapes from one decompose_factor, so a
/// factor is searched for that gives the shape of every map; alpha is r, which makes the scale 1, and r is large enough for
/// both factors to be stored whole.
/// </summary>
public static class LokrExport
{
    /// <summary>Converts every adapter; those that are LoKr already are taken as they are.</summary>
    /// <exception cref="MokaException">An adapter is no single Kronecker product, or one factor does not give all shapes.</exception>
    public static AdapterSet Convert(AdapterSet adapters)
    {
        (Projection Place, Adapter Adapter)[] entries = [.. adapters.Entries];
        if (entries.All(e => e.Adapter is LokrAdapter)) return adapters;
        (Projection Place, KroneckerTerm Term)[] terms = [.. entries.Select(e => (e.Place, OneTerm(e.Place, e.Adapter)))];
        int rank = terms.Max(t => (Math.Max(t.Term.Shape.RowsB, t.Term.Shape.ColumnsB) + 1) / 2);
        LokrOptions options = new() { Rank = rank, Factor = FactorOf(terms) };
        return new AdapterSet(terms.Select(t => (t.Place, (Adapter)Fill(new LokrAdapter(t.Place.Out, t.Place.In, options, seed: 0, stream: 0), t.Term))), adapters.Targets);
    }

    private static KroneckerTerm OneTerm(Projection place, Adapter adapter) => KroneckerTerms.Of(adapter) switch
    {
        [KroneckerTerm only] => only,
        { Count: var count } => throw new MokaException($"{place.Name}: LoKr holds one Kronecker product a map, and this adapter has {count}; export it as LoRA, or merge it into the base."),
        null => throw new MokaException($"{place.Name}: LoKr holds one Kronecker product a map, and {(adapter is DoraAdapter ? "a DoRA also scales the rows of its base's weights" : "this adapter is none")}; export it as LoRA, or merge it into the base."),
    };

    private static int FactorOf((Projection Place, KroneckerTerm Term)[] terms)
    {
        bool Fits(int factor) => terms.All(t => new LokrOptions { Factor = factor }.ShapeFor(t.Place.Out, t.Place.In) == t.Term.Shape);
        // A factor that does not divide a length bounds its smaller part, so none beyond the largest part finds more.
        int largest = terms.Max(t => Math.Max(t.Term.Shape.RowsA, t.Term.Shape.ColumnsA));
        int found = Enumerable.Range(1, largest).Prepend(-1).FirstOrDefault(Fits);
        if (found != 0) return found;
        // Which map is at fault depends on the factor; without one for all, the first that no factor gives says most.
        (Projection place, KroneckerTerm term) = terms.FirstOrDefault(t => !Enumerable.Range(1, largest).Prepend(-1).Any(f => new LokrOptions { Factor = f }.ShapeFor(t.Place.Out, t.Place.In) == t.Term.Shape));
        string why = place is null ? "no one decompose_factor gives the shapes of all its maps" : $"no decompose_factor gives the shape {term.Shape} of {place.Name}";
        throw new MokaException($"LoKr: {why}, and PEFT derives all shapes from one; export the adapter as LoRA, or merge it into the base.");
    }

    private static LokrAdapter Fill(LokrAdapter lokr, KroneckerTerm term)
    {
        float[] a = term.A.Dense();
        for (int i = 0; i < a.Length; i++) lokr.Outer.Parameters[0].Data[i] = term.Scale * a[i];
        term.B.Dense().CopyTo(lokr.Inner.Parameters[0].Data);
        return lokr;
    }
}
