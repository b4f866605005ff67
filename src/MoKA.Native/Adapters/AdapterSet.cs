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

    /// <summary>Makes an adapter as <paramref name="options"/> say for every projection whose kind is a target.</summary>
    /// <param name="projections">Those of a model.</param>
    /// <param name="targets">Which kinds are adapted.</param>
    /// <param name="options">The method and its settings, perhaps with exceptions for some of these kinds.</param>
    /// <param name="seed">What the first factors are drawn from.</param>
    /// <exception cref="Diagnostics.MokaException">An option is out of range or does not fit a map, or a kind is none of the model's, or an exception's none of the targets.</exception>
    public AdapterSet(IReadOnlyList<Projection> projections, AdapterTargets targets, AdapterOptions options, ulong seed)
        : this(projections, targets, Checked(projections, targets, options, seed))
    {
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

    private static Func<Projection, ulong, Adapter> Checked(IReadOnlyList<Projection> projections, AdapterTargets targets, AdapterOptions options, ulong seed)
    {
        targets.RequireKnown(projections);
        options.Validate();
        options.RequireKinds(projections.Select(p => p.Kind).Where(targets.Contains));
        return (projection, place) => options.For(projection.Kind).Create(projection, seed, place);
    }
}
