using System.CommandLine;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Quantization;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary>Tells what storing a merged folder cost.</summary>
internal static class MergeReport
{
    /// <summary>How the folder is stored, what that does to the base, and its size where one was written.</summary>
    public static IEnumerable<Fact> Facts(AdaptedModel loaded, ModelMerger merger, string? output, List<QuantizedTensor> tensors)
    {
        WeightStorage before = loaded.Source.Config.LinearStorage;
        return
        [
            new("storage", $"linear maps {merger.Linears}, token table and head {merger.Tables}", merger.Linears.ToString()),
            .. before.IsFloat() || !merger.Linears.IsFloat() ? Array.Empty<Fact>() : [new("base", $"its linear maps in {InspectModel.Name(before)} are written as {merger.Linears}, since what is merged into them is finer than their steps", "dequantised")],
            .. Rounding(tensors),
            .. output is null ? Array.Empty<Fact>() : [Size(new FileInfo(Path.Combine(output, LlamaFolder.WeightsFile)).Length, loaded)],
        ];
    }

    private static Fact Size(long size, AdaptedModel loaded) => new("size", $"{Bytes(size)}, from {Bytes(loaded.Source.WeightBytes)}", size);

    /// <summary>The worst that rounding to the storage did, where it rounded.</summary>
    public static IEnumerable<Fact> Rounding(List<QuantizedTensor> tensors)
    {
        if (tensors.Count == 0) yield break;
        QuantizedTensor worst = tensors.MaxBy(t => t.RelativeError);
        yield return new("worst rounding", Invariant($"{100 * worst.RelativeError:0.####} % of its norm in {Quoted.Plain(worst.Name)}"), worst.RelativeError);
    }

    /// <summary>Every map that was rounded: a table for a person, a member for a program.</summary>
    public static void Tensors(Session session, ParseResult parse, bool json, List<Fact> facts, List<QuantizedTensor> tensors)
    {
        if (json) facts.Add(TensorReport.Json(tensors));
        else if (tensors.Any(t => !t.Storage.IsFloat())) TensorReport.Table(session.Results(parse), tensors);
    }
}
