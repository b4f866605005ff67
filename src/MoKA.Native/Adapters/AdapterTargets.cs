using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;

namespace MoKA.Native.Adapters;

/// <summary>Which kinds of projection get an adapter: q,v or q,k,v,o,gate,up,down, or all of them.</summary>
public sealed class AdapterTargets
{
    /// <summary>The word for every projection.</summary>
    public const string Everything = "all";

    private readonly string[] _kinds;

    private AdapterTargets(string[] kinds) => _kinds = kinds;

    /// <summary>The kinds, in the order given.</summary>
    public IReadOnlyList<string> Kinds => _kinds;

    /// <summary>Reads a list with commas, or "all".</summary>
    public static AdapterTargets Parse(string text)
    {
        string[] kinds = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (kinds.Length == 0) throw new MokaException($"Targets: name at least one projection, as in q,v; got {Quoted.Name(text)}.");
        return new AdapterTargets([.. kinds.Distinct()]);
    }

    /// <summary>Whether a projection of this kind is adapted.</summary>
    public bool Contains(string kind) => _kinds.Contains(Everything) || _kinds.Contains(kind);

    /// <summary>Throws when a name is none of the model's.</summary>
    public void RequireKnown(IReadOnlyList<Projection> projections)
    {
        string[] known = [.. projections.Select(p => p.Kind).Distinct()];
        foreach (string kind in _kinds)
            if (kind != Everything && !known.Contains(kind))
                throw new MokaException($"Targets: the model has the projections {string.Join(", ", known)} (or {Everything}), got {Quoted.Name(kind)}.");
    }

    /// <summary>The list with commas.</summary>
    public override string ToString() => string.Join(',', _kinds);
}
