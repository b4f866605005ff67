using MoKA.Native.Nn;

namespace MoKA.Native.Adapters;

/// <summary>One adapter for each chosen projection of a model, put on and taken off together.</summary>
public sealed class AdapterSet
{
    private readonly (Projection Projection, ILinear Frozen, Adapter Adapter)[] _entries;

    /// <summary>
    /// Makes an adapter for every projection whose kind is a target; <paramref name="create"/> receives the projection
    /// and its place in the list.
    /// </summary>
    public AdapterSet(IReadOnlyList<Projection> projections, AdapterTargets targets, Func<Projection, ulong, Adapter> create)
    {
        targets.RequireKnown(projections);
        _entries = [.. projections.Where(p => targets.Contains(p.Kind)).Select((p, i) => (p, p.Current, create(p, (ulong)i)))];
        Targets = targets;
    }

    /// <summary>Adapters that are there already, each for its projection.</summary>
    public AdapterSet(IEnumerable<(Projection Projection, Adapter Adapter)> entries, AdapterTargets targets)
    {
        _entries = [.. entries.Select(e => (e.Projection, e.Projection.Current, e.Adapter))];
        Targets = targets;
    }

    /// <summary>Which kinds of projection are adapted.</summary>
    public AdapterTargets Targets { get; }

    /// <summary>The adapters and where they belong, in the model's order.</summary>
    public IEnumerable<(Projection Projection, Adapter Adapter)> Entries => _entries.Select(e => (e.Projection, e.Adapter));

    /// <summary>Everything that training moves.</summary>
    public IReadOnlyList<Parameter> Parameters => [.. _entries.SelectMany(e => e.Adapter.Parameters)];

    /// <summary>The number of trainable numbers.</summary>
    public long ParameterCount => _entries.Sum(e => e.Adapter.ParameterCount);

    /// <summary>Puts every adapter beside its map.</summary>
    public void Attach()
    {
        foreach ((Projection projection, ILinear frozen, Adapter adapter) in _entries) projection.Replace(new AdaptedLinear(frozen, adapter));
    }

    /// <summary>Takes them off: the model is the base again.</summary>
    public void Detach()
    {
        foreach ((Projection projection, ILinear frozen, _) in _entries) projection.Replace(frozen);
    }
}
