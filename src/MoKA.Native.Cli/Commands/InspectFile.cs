using MoKA.Native.Checkpoints;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Checkpoints;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary>The inside of a safetensors file.</summary>
internal static class InspectFile
{
    public static Inspection Safetensors(string path, bool tensors)
    {
        using SafetensorsFile file = new(path);
        TensorEntry[] entries = [.. file.Tensors.Values.OrderBy(t => t.Offset).ThenBy(t => t.Name, StringComparer.Ordinal)];
        long elements = entries.Sum(t => t.ElementCount), bytes = new FileInfo(path).Length;
        List<Fact> facts =
        [
            new("kind", "safetensors file"),
            new("path", path),
            new("size", Bytes(bytes), bytes),
            new("tensors", Count(entries.Length), entries.Length),
            new("elements", Count(elements), elements),
        ];
        if (file.Metadata.Count > 0) facts.Add(new("metadata", string.Join(", ", file.Metadata.Select(m => $"{Quoted.Plain(m.Key)} {Quoted.Plain(m.Value)}")), file.Metadata.Select(m => Fact.Named(m.Key, m.Value))));
        Inspection inspection = new("safetensors", facts);
        return tensors ? TensorList.With(inspection, [.. entries.Select(t => new StoredTensor(t.Name, t.Type.FileName(), t.Dims, t.ByteLength))]) : inspection;
    }
}
