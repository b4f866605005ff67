using MoKA.Native.Cli.Screens;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Checkpoints;

namespace MoKA.Native.Cli.Commands;

/// <summary>Every tensor of a file or a model: a list for a program, a table for a person.</summary>
internal static class TensorList
{
    /// <summary>The inspection with the tensors added.</summary>
    public static Inspection With(Inspection inspection, IReadOnlyList<StoredTensor> tensors) => inspection with
    {
        Facts = [.. inspection.Facts, new Fact("list", "", tensors.Select(t => Fact.Named(t.Name, new Fact[] { new("type", t.Type), new("shape", "", t.Dims.AsEnumerable()), new("bytes", "", t.Bytes) })))],
        Tables = [.. inspection.Tables, ("tensors", ["name", "type", "shape", "size"], [.. tensors.Select(t => new[] { Quoted.Plain(t.Name), t.Type, Quoted.Dims(t.Dims.AsSpan()), Format.Bytes(t.Bytes) })])],
    };
}
