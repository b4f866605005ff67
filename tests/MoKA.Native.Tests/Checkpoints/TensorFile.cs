using MoKA.Native.Checkpoints;

namespace MoKA.Native.Tests.Checkpoints;

/// <summary>Rewrites a safetensors file with some of its tensors changed, so that only what is changed is wrong with it.</summary>
internal sealed class TensorFile
{
    private readonly Dictionary<string, (ElementType Type, long[] Dims, byte[] Bytes)> _tensors = [];

    private TensorFile(string path)
    {
        using SafetensorsFile file = new(path);
        foreach (TensorEntry entry in file.Tensors.Values) _tensors[entry.Name] = (entry.Type, [.. entry.Dims], file.Bytes(entry.Name).ToArray());
    }

    /// <summary>Reads, changes and writes the file.</summary>
    public static void Edit(string path, Action<TensorFile> change)
    {
        TensorFile file = new(path);
        change(file);
        SafetensorsWriter writer = new();
        foreach ((string name, (ElementType type, long[] dims, byte[] bytes)) in file._tensors) writer.Add(name, type, dims, bytes);
        writer.Save(path);
    }

    /// <summary>Deals a file's tensors out to several, shard-0 and so on, and writes the index that joins them.</summary>
    public static void Split(string path, string indexPath, int files)
    {
        TensorFile file = new(path);
        SafetensorsWriter[] writers = [.. Enumerable.Range(0, files).Select(_ => new SafetensorsWriter())];
        Dictionary<string, string> placed = [];
        foreach ((string name, (ElementType type, long[] dims, byte[] bytes)) in file._tensors)
        {
            int shard = placed.Count % files;
            writers[shard].Add(name, type, dims, bytes);
            placed[name] = $"shard-{shard}";
        }
        for (int i = 0; i < files; i++) writers[i].Save(Path.Combine(Path.GetDirectoryName(indexPath)!, $"shard-{i}"));
        File.WriteAllText(indexPath, System.Text.Json.JsonSerializer.Serialize(new { weight_map = placed }));
    }

    /// <summary>The first name that ends so.</summary>
    public string Find(string ending) => _tensors.Keys.Order(StringComparer.Ordinal).First(name => name.EndsWith(ending, StringComparison.Ordinal));

    public void Remove(string name) => Assert.True(_tensors.Remove(name));

    public void Add(string name, ElementType type, long[] dims, byte[] bytes) => _tensors[name] = (type, dims, bytes);

    /// <summary>The same bytes in another shape.</summary>
    public void Reshape(string name, params long[] dims) => _tensors[name] = _tensors[name] with { Dims = dims };

    /// <summary>Swaps the two dimensions and keeps the bytes.</summary>
    public void Transpose(string name) => Reshape(name, _tensors[name].Dims[1], _tensors[name].Dims[0]);

    /// <summary>Gives another type of the same width.</summary>
    public void Retype(string name, ElementType type) => _tensors[name] = _tensors[name] with { Type = type };

    /// <summary>Overwrites the first bytes.</summary>
    public void Poke(string name, params byte[] bytes) => bytes.CopyTo(_tensors[name].Bytes, 0);

    public void PokeFloat(string name, float value) => Poke(name, BitConverter.GetBytes(value));

    public void PokeHalf(string name, Half value) => Poke(name, BitConverter.GetBytes(value));
}
