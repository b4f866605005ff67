using System.Text.Json;
using MoKA.Native.Adapters;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>Where an adapter comes from: its base, and for one that was read the files as they were.</summary>
/// <param name="BaseModel">The base as it is named.</param>
/// <param name="BaseHash">The hash of the base's weights, or null when the adapter does not say.</param>
public sealed record AdapterOrigin(string BaseModel, string? BaseHash)
{
    /// <summary>The key that the hash stands under, in the description or in the metadata.</summary>
    internal const string HashKey = "base_model_sha256";

    /// <summary>A base's name from its path: where it lies on one machine means nothing on another.</summary>
    public static string NameOf(string path) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));

    /// <summary>The description as it was read.</summary>
    internal byte[]? Config { get; init; }

    /// <summary>How each tensor was stored.</summary>
    internal IReadOnlyDictionary<string, ElementType>? Types { get; init; }

    /// <summary>The weights file's metadata.</summary>
    internal IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <summary>
    /// The origin of an adapter that was read and is trained further: it is no longer what a half-precision file held, and it
    /// belongs to the base that it is trained on, also when it named another one or none.
    /// </summary>
    internal AdapterOrigin TrainedOn(string path, string hash) => BaseHash switch
    {
        null => this with { BaseHash = hash, Types = null, Metadata = new Dictionary<string, string>(Metadata ?? new Dictionary<string, string>()) { [HashKey] = hash } },
        { } own when own == hash => this with { Types = null },
        _ => new AdapterOrigin(NameOf(path), hash),
    };
}

/// <summary>An adapter that was read, with what is needed to write it as it was.</summary>
/// <param name="Adapters">The adapters, not yet attached.</param>
/// <param name="Origin">Where they come from.</param>
public sealed record StoredAdapter(AdapterSet Adapters, AdapterOrigin Origin);

/// <summary>
/// An adapter on disk in the style of PEFT: a folder with <c>adapter_config.json</c>, whose peft_type is MOKA, MOKA_S, KRONA,
/// LORA (rsLoRA and DoRA too) or LOKR, and <c>adapter_model.safetensors</c> with tensors named after the modules they change.
/// LORA and LOKR folders are PEFT's own, in both directions.
/// </summary>
public static class AdapterFolder
{
    /// <summary>The description.</summary>
    public const string ConfigFile = "adapter_config.json";

    /// <summary>The tensors.</summary>
    public const string WeightsFile = "adapter_model.safetensors";

    /// <summary>
    /// Writes the adapters of a model, exact to the bit; each file appears whole or not at all. An adapter that was read is
    /// written in the types it had, and if nothing else changed its files have the bytes they had.
    /// </summary>
    /// <exception cref="MokaException">The adapters are of several kinds, or the folder cannot be written.</exception>
    public static void Save(string folder, LlamaModel model, AdapterSet adapters, AdapterOrigin origin) => Save(folder, AdapterPlaces.Of(model), adapters, origin);

    /// <summary>Writes adapters whose base need not be there.</summary>
    /// <param name="folder">Where; made unless it is there.</param>
    /// <param name="places">What the adapters were read or made for.</param>
    /// <param name="adapters">The adapters.</param>
    /// <param name="origin">Where they come from.</param>
    /// <exception cref="MokaException">The adapters are of several kinds or for other places, or the folder cannot be written.</exception>
    public static void Save(string folder, AdapterPlaces places, AdapterSet adapters, AdapterOrigin origin)
    {
        (string Stem, string Module, Adapter Adapter)[] entries = [.. from e in adapters.Entries let layer = places.LayerOf(e.Projection) select (HuggingFaceNames.AdapterStem(layer, e.Projection.Kind), HuggingFaceNames.Module(layer, e.Projection.Kind), e.Adapter)];
        ModelFolder.Create(folder);
        if (entries.Length == 0) throw new MokaException($"{folder}: there is no adapter to be saved; adapt at least one map.");
        AdapterFormat format = AdapterFormat.All.First(f => f.Holds(entries[0].Adapter));
        if (entries.FirstOrDefault(e => !format.Holds(e.Adapter)) is { Adapter: { } other })
            throw new MokaException($"{folder}: one folder holds adapters of one kind, got {format.PeftType} and {AdapterFormat.All.First(f => f.Holds(other)).PeftType}; save them apart.");
        string shared = format.Shared(entries[0].Adapter);
        if (entries.FirstOrDefault(e => format.Shared(e.Adapter) != shared) is { Module: { } differs, Adapter: { } unlike })
            throw new MokaException($"{folder}: a folder of {format.PeftType} says once for all maps what they share, got {shared} and for {differs} {format.Shared(unlike)}; save them apart.");
        SafetensorsWriter writer = new();
        foreach ((string stem, _, Adapter adapter) in entries)
            foreach (Parameter parameter in adapter.Parameters)
            {
                string name = stem + format.Suffix(parameter.Name);
                Add(writer, name, parameter, origin.Types?.GetValueOrDefault(name, ElementType.F32) ?? ElementType.F32);
            }
        Dictionary<string, string> metadata = new(origin.Metadata ?? new Dictionary<string, string>());
        // PEFT's own descriptions have no room for the hash.
        if (origin.Metadata is null && origin.BaseHash is { } hash) metadata[AdapterOrigin.HashKey] = hash;
        writer.Save(Path.Combine(folder, WeightsFile), metadata);
        byte[] config = origin.Config ?? Describe(format, adapters, [.. entries.Select(e => (e.Module, e.Adapter))], origin);
        AtomicFile.Write(Path.Combine(folder, ConfigFile), stream => stream.Write(config));
    }

    /// <summary>Where an adapter says it comes from; its numbers are not read.</summary>
    /// <exception cref="MokaException">A file is missing or damaged.</exception>
    public static AdapterOrigin ReadOrigin(string folder)
    {
        using SafetensorsFile file = Open(folder, out AdapterConfig config);
        return new AdapterOrigin(config.BaseModel, HashOf(config, file));
    }

    /// <summary>Reads an adapter and makes it ready for the model; the caller attaches it.</summary>
    /// <param name="folder">The adapter's folder.</param>
    /// <param name="model">The base it is for.</param>
    /// <param name="baseHash">The hash of the base's weights; an adapter that names another one is refused. Null accepts any.</param>
    /// <exception cref="MokaException">A file is missing or damaged, or the adapter belongs to another model.</exception>
    public static StoredAdapter Load(string folder, LlamaModel model, string? baseHash) => Load(folder, AdapterPlaces.Of(model), baseHash);

    /// <summary>Reads an adapter for its base, or for places that stand for it: see <see cref="AdapterPlaces.In"/>.</summary>
    /// <param name="folder">The adapter's folder.</param>
    /// <param name="places">What it is for.</param>
    /// <exception cref="MokaException">A file is missing or damaged, or the adapter is for other places.</exception>
    public static StoredAdapter Load(string folder, AdapterPlaces places) => Load(folder, places, baseHash: null);

    private static StoredAdapter Load(string folder, AdapterPlaces places, string? baseHash)
    {
        using SafetensorsFile file = Open(folder, out AdapterConfig config);
        AdapterFormat format = FormatOf(config);
        string? ownHash = HashOf(config, file);
        if (baseHash is not null && ownHash is not null && ownHash != baseHash)
            throw new MokaException($"{folder}: this adapter was trained on another model ({Quoted.Plain(config.BaseModel)}, weights {Short(ownHash)}) than the one given (weights {Short(baseHash)}); give that model, or let the adapter be of any base.");
        AdapterSet adapters = Read(config, format, file, places);
        return new StoredAdapter(adapters, new AdapterOrigin(config.BaseModel, ownHash)
        {
            Config = config.Bytes,
            Types = file.Tensors.ToDictionary(t => t.Key, t => t.Value.Type),
            Metadata = file.Metadata,
        });
    }

    private static SafetensorsFile Open(string folder, out AdapterConfig config)
    {
        if (!Directory.Exists(folder)) throw new MokaException($"{folder}: an adapter is a folder with {ConfigFile} and {WeightsFile}, and there is no such folder; check the path.");
        config = AdapterConfig.Read(Path.Combine(folder, ConfigFile));
        return new SafetensorsFile(Path.Combine(folder, WeightsFile));
    }

    /// <summary>The hash of the base that an adapter was trained on, or null when it does not say.</summary>
    internal static string? HashOf(AdapterConfig config, SafetensorsFile file) => config.Text(AdapterOrigin.HashKey) ?? file.Metadata.GetValueOrDefault(AdapterOrigin.HashKey);

    /// <summary>The format that a description names.</summary>
    internal static AdapterFormat FormatOf(AdapterConfig config) => AdapterFormat.All.FirstOrDefault(f => f.PeftType == config.PeftType)
        ?? throw config.Error($"the adapter's peft_type must be one of {string.Join(", ", AdapterFormat.All.Select(f => f.PeftType))}, got {Quoted.Name(config.PeftType)}.");

    private static AdapterSet Read(AdapterConfig config, AdapterFormat format, SafetensorsFile file, AdapterPlaces places)
    {
        HashSet<string> unread = [.. file.Tensors.Keys];
        List<(Projection, Adapter)> entries = [];
        foreach ((int layer, Projection projection) in places.All)
        {
            ModuleTensors tensors = new(file, HuggingFaceNames.AdapterStem(layer, projection.Kind), HuggingFaceNames.Module(layer, projection.Kind));
            if (!unread.Any(name => name.StartsWith(tensors.Stem + ".", StringComparison.Ordinal))) continue;
            Adapter adapter = format.Create(config, tensors, projection);
            foreach (Parameter parameter in adapter.Parameters) unread.Remove(Fill(tensors, format.Suffix(parameter.Name), parameter));
            entries.Add((projection, adapter));
        }
        if (unread.Count > 0) throw new MokaException($"{file.Path}: the tensor {Quoted.Name(unread.Order(StringComparer.Ordinal).First())} belongs to no adapted projection of this model; check that both files of the adapter belong together.");
        if (entries.Count == 0) throw new MokaException($"{file.Path}: the file must change at least one projection, got none; check that both files of the adapter belong together.");
        return new AdapterSet(entries, Targets(config, entries, places));
    }

    // The tensors say what is adapted; a description that says otherwise belongs to another file.
    private static AdapterTargets Targets(AdapterConfig config, List<(Projection Projection, Adapter)> entries, AdapterPlaces places)
    {
        string[] kinds = [.. config.Targets().Select(HuggingFaceNames.KindOfTarget)];
        bool all = kinds.Contains(AdapterTargets.Everything);
        foreach (string kind in kinds.Where(k => k != AdapterTargets.Everything))
        {
            if (!places.Kinds.Contains(kind)) throw config.Error($"target_modules must be projections of the model, got {Quoted.Name(kind)}.");
            if (entries.All(e => e.Projection.Kind != kind)) throw config.Error($"target_modules names {HuggingFaceNames.TargetModule(kind)}, but there are no tensors for it; check that both files belong together.");
        }
        if (kinds.Length > 0 && !all && entries.FirstOrDefault(e => !kinds.Contains(e.Projection.Kind)).Projection is { } other)
            throw config.Error($"target_modules does not name {HuggingFaceNames.TargetModule(other.Kind)}, but there are tensors for {other.Name}; check that both files belong together.");
        return AdapterTargets.Parse(string.Join(',', kinds.Length > 0 ? kinds : entries.Select(e => e.Projection.Kind).Distinct()));
    }

    /// <summary>Reads the tensor of that ending and returns its name.</summary>
    internal static string Fill(ModuleTensors tensors, string suffix, Parameter parameter)
    {
        string name = tensors.Stem + suffix;
        if (!tensors.File.Tensors.TryGetValue(name, out TensorEntry? entry)) throw tensors.Error($"the tensor '{name}' is missing; check that the adapter is for this model and that its files belong together.");
        if (!entry.Dims.AsSpan().SequenceEqual(DimsOf(parameter))) throw tensors.Error($"{Quoted.Name(name)} must be {parameter.Shape}, got {Quoted.Dims(entry.Dims.AsSpan())}.");
        ModelFolder.ReadFinite(tensors.File, name, parameter.Data);
        return name;
    }

    private static byte[] Describe(AdapterFormat format, AdapterSet adapters, IReadOnlyList<(string Module, Adapter Adapter)> entries, AdapterOrigin origin)
    {
        ConfigMembers members = new()
        {
            { "base_model_name_or_path", origin.BaseModel },
            { "inference_mode", true },
            { "peft_type", format.PeftType },
            { "target_modules", TargetModules(adapters) },
            { "task_type", "CAUSAL_LM" },
        };
        if (format is not (LoraFormat or LokrFormat) && origin.BaseHash is { } hash) members.Add(AdapterOrigin.HashKey, hash);
        format.WriteOptions(members, entries);
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            foreach ((string key, Action<Utf8JsonWriter> write) in members)
            {
                json.WritePropertyName(key);
                write(json);
            }
            json.WriteEndObject();
        }
        return stream.ToArray();
    }

    // PEFT knows no word in a list for all of them.
    private static IEnumerable<string> TargetModules(AdapterSet adapters) =>
        (adapters.Targets.Kinds.Contains(AdapterTargets.Everything) ? adapters.Entries.Select(e => e.Projection.Kind).Distinct() : adapters.Targets.Kinds).Select(HuggingFaceNames.TargetModule);

    private static void Add(SafetensorsWriter writer, string name, Parameter parameter, ElementType type)
    {
        if (type == ElementType.F32 || parameter.Shape.Count == 0)
        {
            writer.Add(name, ElementType.F32, DimsOf(parameter), stream => stream.WriteFloats(parameter.Data));
            return;
        }
        BlockType block = type == ElementType.F16 ? BlockType.F16 : BlockType.BF16;
        writer.Add(name, type, DimsOf(parameter), stream =>
        {
            using BlockMatrix stored = BlockMatrix.Quantize(parameter.Data, 1, parameter.Shape.Count, block, name);
            stream.Write(stored.Bytes);
        });
    }

    private static long[] DimsOf(Parameter parameter) => parameter.Shape.Rank == 1 ? [parameter.Shape[0]] : [parameter.Shape[0], parameter.Shape[1]];

    private static string Short(string hash) => Quoted.Plain(hash.AsSpan(0, Math.Min(hash.Length, 12)));
}
