using System.Text.Json;
using MoKA.Native.Diagnostics;
using MoKA.Native.Memory;

namespace MoKA.Native.Checkpoints;

/// <summary>
/// The tensors of several safetensors files in one folder, as an index file places them:
/// <c>{"weight_map": {"tensor": "file", ...}}</c>. Nothing else of the index is read, and files may have any name.
/// </summary>
public sealed class SafetensorsShards : SafetensorsReader
{
    private const int MaxIndexBytes = SafetensorsHeader.MaxSize, MostFiles = 10_000;

    private readonly Dictionary<string, SafetensorsFile> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SafetensorsFile> _fileOf = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TensorEntry> _tensors = new(StringComparer.Ordinal);

    /// <summary>Opens the index and every file that it names, and checks that each tensor is where it should be.</summary>
    /// <exception cref="MokaException">The index or a file cannot be read or breaks a rule, or a tensor is missing.</exception>
    public SafetensorsShards(string indexPath) : base(indexPath)
    {
        try
        {
            foreach ((string tensor, string file) in ReadIndex(indexPath)) Place(tensor, file);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, TensorEntry> Tensors => _tensors;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Files => [.. _files.Values.Select(f => f.Path).Order(StringComparer.Ordinal)];

    /// <inheritdoc/>
    public override string PathOf(string name) => _fileOf.TryGetValue(name, out SafetensorsFile? file) ? file.Path : Path;

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (SafetensorsFile file in _files.Values) file.Dispose();
    }

    internal override MappedBuffer BufferOf(TensorEntry entry) => _fileOf[entry.Name].BufferOf(entry);

    private void Place(string tensor, string name)
    {
        if (!_files.TryGetValue(name, out SafetensorsFile? file))
        {
            if (_files.Count == MostFiles) throw new MokaException($"{Quoted.Plain(Path)}: an index may name at most {MostFiles} files, got more; fetch it again.");
            RequirePlainName(name);
            _files[name] = file = new SafetensorsFile(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Path) ?? "", name));
        }
        if (!file.Tensors.TryGetValue(tensor, out TensorEntry? entry))
            throw new MokaException($"{Quoted.Plain(Path)}: tensor {Quoted.Name(tensor)} must be in {Quoted.Name(name)}, got {file.Tensors.Count} others there; fetch both files again.");
        (_fileOf[tensor], _tensors[tensor]) = (file, entry);
    }

    // No index may lead out of its folder.
    private void RequirePlainName(string name)
    {
        if (name.Length is 0 or > 255 || name is "." or ".." || name.AsSpan().ContainsAny("/\\:\0"))
            throw new MokaException($"{Quoted.Plain(Path)}: weight_map must name files of its own folder, got {Quoted.Name(name)}; the index is damaged or hostile.");
    }

    private static List<(string Tensor, string File)> ReadIndex(string path)
    {
        ReadOnlyMemory<byte> json = BoundedFile.ReadUtf8(path, MaxIndexBytes);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("weight_map", out JsonElement map) || map.ValueKind != JsonValueKind.Object)
                throw new MokaException($"{Quoted.Plain(path)}: an index must be a JSON object with a weight_map, got none; fetch the file again.");
            List<(string, string)> placed = [];
            foreach (JsonProperty entry in map.EnumerateObject())
            {
                if (entry.Value.ValueKind != JsonValueKind.String)
                    throw new MokaException($"{Quoted.Plain(path)}: weight_map must give each tensor a file's name, got {Quoted.Plain(entry.Value.GetRawText())} for {Quoted.Name(entry.Name)}; fetch the file again.");
                placed.Add((entry.Name, entry.Value.GetString()!));
            }
            return placed;
        }
        // The second is how the library reports text that is not UTF-8 or not whole.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new MokaException($"{Quoted.Plain(path)}: must be JSON without repeated keys, got: {Quoted.Plain(e.Message)}; fetch the file again.", e);
        }
    }
}
