using System.CommandLine;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Quantization;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary><c>moka quantize</c>: a model folder with its linear maps in fewer bits.</summary>
internal static class QuantizeCommand
{
    /// <summary>The storages by the names that options give them.</summary>
    public static IReadOnlyDictionary<string, WeightStorage> Types { get; } = new Dictionary<string, WeightStorage>
    {
        ["nf4"] = WeightStorage.NF4, ["nf4-double"] = WeightStorage.NF4Double, ["fp4"] = WeightStorage.FP4, ["fp4-double"] = WeightStorage.FP4Double,
        ["q4"] = WeightStorage.Q4_0, ["q8"] = WeightStorage.Q8_0, ["bf16"] = WeightStorage.BF16, ["f16"] = WeightStorage.F16,
    };

    private static readonly Dictionary<string, WeightStorage?> Tables = new() { ["same"] = null, ["bf16"] = WeightStorage.BF16, ["f16"] = WeightStorage.F16, ["f32"] = WeightStorage.F32 };

    public static Command Create(Session session)
    {
        Argument<string> model = new("MODEL") { Description = "A model: a folder of Hugging Face's, a GGUF file or a llama2.c file." };
        Option<string> output = Options.RequiredText("--output", "-o", "OUT", "The folder to write.");
        Option<string> type = Options.Choice("--type", "How to store the linear maps. nf4 and fp4 are read by bitsandbytes too; -double quantises their scales as well.", "nf4-double", [.. Types.Keys]);
        Option<string> tables = Options.Choice("--tables", "How to store the token table and the head.", "same", [.. Tables.Keys]);
        Option<bool> force = new("--force") { Description = "Write into the output folder when it holds something." };
        Option<bool> json = Options.Json();
        Command command = new("quantize", "Store a model's linear maps in fewer bits.") { model, output, type, tables, force, json };
        command.SetAction(parse => Run(session, parse, parse.GetRequiredValue(model), parse.GetRequiredValue(output), Types[parse.GetRequiredValue(type)], Tables[parse.GetRequiredValue(tables)], parse.GetValue(force), parse.GetValue(json)));
        return command;
    }

    private static int Run(Session session, ParseResult parse, string model, string output, WeightStorage type, WeightStorage? tables, bool force, bool json)
    {
        OutputFolder.RequireFree(output, force);
        UsageException.Check(() => OutputPlace.RequireApart(output, model));
        ModelSource source = ModelSource.Open(model);
        ModelQuantizer quantizer = new(source, type, tables);
        List<QuantizedTensor> tensors = TensorReport.Collect(session, parse, json, $"quantising {model} to {parse.GetValue<string>("--type")}", quantizer.Matrices, (report, cancel) => quantizer.Write(output, report, cancel));
        double weights = tensors.Sum(t => (double)t.Rows * t.Columns), bits = 8 * tensors.Sum(t => (double)t.Bytes) / weights;
        QuantizedTensor worst = tensors.DefaultIfEmpty().MaxBy(t => t.RelativeError);
        long before = source.WeightBytes, after = new FileInfo(Path.Combine(output, LlamaFolder.WeightsFile)).Length;
        Fact[] facts =
        [
            new("source", $"{model}, {source.Format}, linear maps {InspectModel.Name(source.Config.LinearStorage)}", model),
            new("output", output),
            new("storage", $"linear maps {type}, token table and head {LlamaFolder.LoadConfig(output).TableStorage}", type.ToString()),
            .. tensors.Count == 0 ? [new("linear maps", "stored so already, copied as they are")] : (Fact[])
            [
                new("bits per weight", Invariant($"{bits:0.###} in the linear maps"), bits),
                new("worst error", $"{Percent(worst.RelativeError)} of its norm in {Quoted.Plain(worst.Name)}", worst.RelativeError),
            ],
            new("size", $"{Bytes(after)}, from {Bytes(before)}", after),
        ];
        if (json)
        {
            Fact.WriteJson(session.Terminal.Out, [.. facts, TensorReport.Json(tensors)]);
            return ExitCode.Success;
        }
        Screen results = session.Results(parse);
        if (tensors.Count > 0) TensorReport.Table(results, tensors);
        results.Panel("moka quantize", facts);
        return ExitCode.Success;
    }
}
