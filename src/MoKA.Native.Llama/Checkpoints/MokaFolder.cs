using System.Globalization;
using MoKA.Native.Adapters;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// A MoKA adapter on disk: a folder in the style of PEFT with <c>adapter_config.json</c> (peft_type MOKA and every field
/// needed to rebuild it) and <c>adapter_model.safetensors</c> with the tensors moka_A.i [RowsA, ColumnsA], moka_B.i
/// [RowsB, ColumnsB] and moka_gate [filters] under each adapted module.
/// </summary>
public static class MokaFolder
{
    /// <summary>The description.</summary>
    public const string ConfigFile = "adapter_config.json";

    /// <summary>The tensors.</summary>
    public const string WeightsFile = "adapter_model.safetensors";

    /// <summary>Writes the adapters of a model, exact to the bit; each file appears whole or not at all.</summary>
    public static void Save(string folder, LlamaModel model, AdapterSet adapters, MokaOptions options, string baseModel, string baseHash)
    {
        ModelFolder.Create(folder);
        SafetensorsWriter writer = new();
        foreach ((int layer, Projection projection, MokaAdapter adapter) in ByLayer(model, adapters))
        {
            string stem = HuggingFaceNames.AdapterStem(layer, projection.Kind);
            foreach (Parameter parameter in adapter.Parameters)
                writer.Add($"{stem}.moka_{parameter.Name}", ElementType.F32, DimsOf(parameter), stream => stream.WriteFloats(parameter.Data));
        }
        writer.Save(Path.Combine(folder, WeightsFile));
        MokaConfigJson.Write(Path.Combine(folder, ConfigFile), new MokaConfig(options, adapters.Targets, baseModel, baseHash));
    }

    /// <summary>Reads an adapter and makes it ready for the model; the caller attaches it.</summary>
    /// <param name="folder">The adapter's folder.</param>
    /// <param name="model">The base it is for.</param>
    /// <param name="baseHash">The base's <see cref="LlamaFolder.Hash"/>; another base than the adapter's is refused.</param>
    /// <exception cref="MokaException">A file is missing or damaged, or the adapter belongs to another model.</exception>
    public static AdapterSet Load(string folder, LlamaModel model, string baseHash)
    {
        if (!Directory.Exists(folder)) throw new MokaException($"{folder}: an adapter is a folder with {ConfigFile} and {WeightsFile}, and there is no such folder; check the path.");
        MokaConfig config = MokaConfigJson.Read(Path.Combine(folder, ConfigFile));
        if (config.BaseHash != baseHash)
            throw new MokaException($"{folder}: this adapter was trained on another model ({Quoted.Plain(config.BaseModel)}, weights {Short(config.BaseHash)}) than the one given (weights {Short(baseHash)}); give that model.");
        RequireTargets(folder, config.Targets, model);
        using SafetensorsFile file = new(Path.Combine(folder, WeightsFile));
        HashSet<string> unread = [.. file.Tensors.Keys];
        Dictionary<Projection, int> layers = LayersOf(model);
        AdapterSet adapters = new(model.Projections, config.Targets, (projection, place) => Read(file, HuggingFaceNames.AdapterStem(layers[projection], projection.Kind), projection, config.Options, unread));
        if (unread.Count > 0) throw new MokaException($"{file.Path}: the tensor {Quoted.Name(unread.Order(StringComparer.Ordinal).First())} belongs to no adapted projection of this model; check that both files of the adapter belong together.");
        return adapters;
    }

    private static void RequireTargets(string folder, AdapterTargets targets, LlamaModel model)
    {
        try
        {
            targets.RequireKnown(model.Projections);
        }
        catch (MokaException unknown)
        {
            throw new MokaException($"{Path.Combine(folder, ConfigFile)}: {unknown.Message}", unknown);
        }
    }

    private static MokaAdapter Read(SafetensorsFile file, string stem, Projection projection, MokaOptions options, HashSet<string> unread)
    {
        KroneckerShape[] shapes = [.. Enumerable.Range(0, options.Filters).Select(i => ShapeOf(file, Require(file, Name(stem, $"A.{i}")), Require(file, Name(stem, $"B.{i}")), projection))];
        MokaAdapter adapter = new(projection.Out, projection.In, options with { Shapes = shapes }, seed: 0, stream: 0);
        foreach (Parameter parameter in adapter.Parameters)
        {
            TensorEntry entry = Require(file, Name(stem, parameter.Name));
            if (!entry.Dims.AsSpan().SequenceEqual(DimsOf(parameter)))
                throw new MokaException($"{file.Path}: {Quoted.Name(entry.Name)} must be {parameter.Shape}, got {Quoted.Dims(entry.Dims.AsSpan())}.");
            ModelFolder.ReadFinite(file, entry.Name, parameter.Data);
            unread.Remove(entry.Name);
        }
        return adapter;
    }

    private static KroneckerShape ShapeOf(SafetensorsFile file, TensorEntry a, TensorEntry b, Projection projection)
    {
        foreach (TensorEntry entry in new[] { a, b })
            if (entry.Dims.Length != 2 || entry.Dims.Any(d => d is < 1 or > int.MaxValue))
                throw new MokaException($"{file.Path}: {Quoted.Name(entry.Name)} must be a matrix, got {Quoted.Dims(entry.Dims.AsSpan())}.");
        if (a.Dims[0] * b.Dims[0] != projection.Out || a.Dims[1] * b.Dims[1] != projection.In)
            throw new MokaException($"{file.Path}: {Quoted.Name(a.Name)} {Quoted.Dims(a.Dims.AsSpan())} and its B {Quoted.Dims(b.Dims.AsSpan())} must multiply to the adapted weight [{projection.Out}, {projection.In}]; check that the adapter is for this model.");
        return new KroneckerShape((int)a.Dims[0], (int)a.Dims[1], (int)b.Dims[0], (int)b.Dims[1]);
    }

    private static TensorEntry Require(SafetensorsFile file, string name) => file.Tensors.TryGetValue(name, out TensorEntry? entry)
        ? entry
        : throw new MokaException($"{file.Path}: the tensor '{name}' is missing; check that the adapter is for this model and that its files belong together.");

    private static IEnumerable<(int Layer, Projection Projection, MokaAdapter Adapter)> ByLayer(LlamaModel model, AdapterSet adapters)
    {
        Dictionary<Projection, int> layers = LayersOf(model);
        return adapters.Entries.Select(e => (layers[e.Projection], e.Projection, (MokaAdapter)e.Adapter));
    }

    private static Dictionary<Projection, int> LayersOf(LlamaModel model) =>
        model.Blocks.SelectMany((block, layer) => block.Projections.Select(p => (p, layer))).ToDictionary(e => e.p, e => e.layer);

    private static long[] DimsOf(Parameter parameter) => parameter.Shape.Rank == 1 ? [parameter.Shape[0]] : [parameter.Shape[0], parameter.Shape[1]];

    private static string Name(string stem, string parameter) => string.Create(CultureInfo.InvariantCulture, $"{stem}.moka_{parameter}");

    private static string Short(string hash) => Quoted.Plain(hash.AsSpan(0, Math.Min(hash.Length, 12)));
}
