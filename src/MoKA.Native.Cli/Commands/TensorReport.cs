using System.CommandLine;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Checkpoints;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary>Linear maps that are rounded to a storage: counted while they are written, and what each one lost.</summary>
internal static class TensorReport
{
    /// <summary>Writes while a count shows how far it is.</summary>
    /// <param name="session">The terminal.</param>
    /// <param name="parse">The command line.</param>
    /// <param name="json">Whether standard output is kept for one object.</param>
    /// <param name="title">What the count is called.</param>
    /// <param name="matrices">How many there are.</param>
    /// <param name="write">Writes, and tells of each matrix that it rounds.</param>
    public static List<QuantizedTensor> Collect(Session session, ParseResult parse, bool json, string title, int matrices, Action<Action<QuantizedTensor>, CancellationToken> write)
    {
        List<QuantizedTensor> tensors = [];
        session.Progress(parse, onOutput: !json).Counting(title, matrices, done =>
        {
            write(tensor =>
            {
                tensors.Add(tensor);
                done(tensors.Count);
            }, session.Cancel);
            return tensors.Count;
        });
        return tensors;
    }

    /// <summary>Every matrix for a program.</summary>
    public static Fact Json(List<QuantizedTensor> tensors) => new("tensors", "", tensors.Select(t => Fact.Named(t.Name, new Fact[]
    {
        new("rows", "", t.Rows), new("columns", "", t.Columns), new("bits per weight", "", t.BitsPerWeight), new("relative error", "", t.RelativeError), new("largest error", "", t.LargestError),
    })));

    /// <summary>Every matrix for a person.</summary>
    public static void Table(Screen screen, List<QuantizedTensor> tensors) =>
        screen.Table("linear maps", ["name", "shape", "bits a weight", "relative error", "largest error"],
            [.. tensors.Select(t => new[] { Quoted.Plain(t.Name), $"[{t.Rows}, {t.Columns}]", Invariant($"{t.BitsPerWeight:0.###}"), Percent(t.RelativeError), Invariant($"{t.LargestError:0.0000}") })]);
}
