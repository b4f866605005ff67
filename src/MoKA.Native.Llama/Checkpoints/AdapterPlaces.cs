using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// The maps that the adapters of a folder may stand at, in the model's order: those of the base, or without it maps of which
/// the adapter's own files tell the sizes and nothing else. That is enough to convert adapters, but not to run them, nor to write out what a DoRA does to a weight.
/// </summary>
public sealed class AdapterPlaces
{
    private readonly Dictionary<Projection, int> _layers;

    private AdapterPlaces(IEnumerable<(int Layer, Projection Place)> places, IReadOnlySet<string> kinds)
    {
        All = [.. places];
        _layers = All.ToDictionary(p => p.Place, p => p.Layer);
        Kinds = kinds;
    }

    /// <summary>Those of a model.</summary>
    public static AdapterPlaces Of(LlamaModel model) =>
        new(model.Blocks.SelectMany((block, layer) => block.Projections.Select(place => (layer, place))), model.Projections.Select(p => p.Kind).ToHashSet());

    /// <summary>Those that an adapter changes, by its own files.</summary>
    /// <param name="folder">The adapter's.</param>
    /// <exception cref="MokaException">A file is missing or damaged, a module is no linear map of a LLaMA model, or the files do not tell its size.</exception>
    public static AdapterPlaces In(string folder)
    {
        using AdapterModules modules = new(folder, model: null);
        return new AdapterPlaces(modules.Stems.Select(stem => PlaceOf(modules, stem)).OrderBy(p => p.Layer).ThenBy(p => HuggingFaceNames.Kinds.IndexOf(p.Place.Kind)), HuggingFaceNames.Kinds.ToHashSet());
    }

    /// <summary>Every map and its layer.</summary>
    internal IReadOnlyList<(int Layer, Projection Place)> All { get; }

    /// <summary>The kinds of map that a description may name.</summary>
    internal IReadOnlySet<string> Kinds { get; }

    /// <summary>The layer of a map.</summary>
    internal int LayerOf(Projection place) => _layers.TryGetValue(place, out int layer) ? layer : throw new MokaException($"{place.Name}: the map must be one of those that the adapters are saved for; give the places or the model that they were made for.");

    private static (int Layer, Projection Place) PlaceOf(AdapterModules modules, string stem)
    {
        if (HuggingFaceNames.PlaceOf(stem) is not var (layer, kind))
            throw new MokaException($"{modules.File.Path}: {Quoted.Name(stem)} must be a linear map of a LLaMA model, such as {HuggingFaceNames.AdapterStem(0, HuggingFaceNames.Kinds[0])}; check that it is an adapter of one.");
        if (modules.PlaceOf(stem) is not { } place)
            throw new MokaException($"{modules.File.Path}: neither the tensors of {Quoted.Name(stem)} nor the description tell the size of its map, as with older adapters of kind {modules.Format.PeftType}; give the base, or save the adapter again.");
        if ((long)place.Out * place.In > int.MaxValue)
            throw new MokaException($"{modules.File.Path}: {Quoted.Name(stem)} must change a map of at most {int.MaxValue} weights, got [{place.Out}, {place.In}]; check that it is an adapter of a language model.");
        return (layer, new Projection(LlamaBlock.NameOf(layer, kind), kind, place.Current));
    }
}
