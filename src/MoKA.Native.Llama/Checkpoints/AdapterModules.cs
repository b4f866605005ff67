using MoKA.Native.Adapters;
using MoKA.Native.Autograd;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>The adapters of a folder one module at a time. Without the base each stands at a place of the size that its tensors tell.</summary>
internal sealed class AdapterModules : IDisposable
{
    private readonly Dictionary<string, Projection> _places = [];

    /// <summary>Opens a folder.</summary>
    /// <param name="folder">The adapter's.</param>
    /// <param name="model">The base, or null.</param>
    /// <exception cref="MokaException">A file is missing or damaged.</exception>
    public AdapterModules(string folder, LlamaModel? model)
    {
        Config = AdapterConfig.Read(Path.Combine(folder, AdapterFolder.ConfigFile));
        Format = AdapterFolder.FormatOf(Config);
        File = new SafetensorsFile(Path.Combine(folder, AdapterFolder.WeightsFile));
        Stems = [.. File.Tensors.Keys.Select(Format.StemOf).OfType<string>().Distinct().Order(StringComparer.Ordinal)];
        if (model is null) return;
        foreach ((int layer, Projection place) in model.Blocks.SelectMany((block, layer) => block.Projections.Select(p => (layer, p)))) _places.Add(HuggingFaceNames.AdapterStem(layer, place.Kind), place);
    }

    /// <summary>The description.</summary>
    public AdapterConfig Config { get; }

    /// <summary>What kind of adapter it is.</summary>
    public AdapterFormat Format { get; }

    /// <summary>The tensors.</summary>
    public SafetensorsFile File { get; }

    /// <summary>The modules as the file calls them, in ordinal order.</summary>
    public IReadOnlyList<string> Stems { get; }

    /// <summary>Where an adapter of this module stands, or null where without the base its size is not known.</summary>
    public Projection? PlaceOf(string stem)
    {
        if (_places.TryGetValue(stem, out Projection? place)) return place;
        if (_places.Count > 0) throw new MokaException($"{File.Path}: {Quoted.Name(stem)} must be a map of the model, and it has none of that name; give the model that the adapter is for.");
        return Format.SizeOf(Config, Tensors(stem)) is var (outputs, inputs) ? new Projection(stem, HuggingFaceNames.KindOfTarget(HuggingFaceNames.LastPart(stem)), new UnknownMap(outputs, inputs)) : null;
    }

    /// <summary>The adapter of a module, with its numbers.</summary>
    public Adapter Read(string stem, Projection place)
    {
        ModuleTensors tensors = Tensors(stem);
        Adapter adapter = Format.Create(Config, tensors, place);
        foreach (Parameter parameter in adapter.Parameters) AdapterFolder.Fill(tensors, Format.Suffix(parameter.Name), parameter);
        return adapter;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => File.Dispose();

    private ModuleTensors Tensors(string stem) => new(File, stem, HuggingFaceNames.ModuleOfStem(stem));

    /// <summary>A map of a base that was not given: its size is known and nothing else.</summary>
    private sealed class UnknownMap(int outputs, int inputs) : ILinear
    {
        public int In => inputs;

        public int Out => outputs;

        public Tensor Forward(Tape tape, Tensor x) => throw Needed();

        public void CopyWeight(Span<float> weight) => throw Needed();

        private static MokaException Needed() => new("The base's weights are needed, and no base was given; give the model that the adapter is for.");
    }
}
