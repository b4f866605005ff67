using System.CommandLine;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Quantization;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary><c>moka merge</c>: base and adapter as one model folder, compared with the two on request.</summary>
internal static class MergeCommand
{
    private const string Same = "same", No = "no";

    public static Command Create(Session session)
    {
        Option<string> model = Options.Model(), adapter = Options.RequiredText("--adapter", "-a", "ADAPTER", "An adapter's folder, or the run that made it.");
        Option<string> output = Options.RequiredText("--output", "-o", "OUT", "The folder to write.");
        Option<string> dtype = Options.Choice("--dtype", "The floating-point type of the merged weights. same is the base's own, or that of its token table where its maps have fewer bits.", Same, Same, "f32", "f16", "bf16");
        Option<string> requantize = Options.Choice("--requantize", "Store the merged linear maps in fewer bits all the same; each one's error is measured. no leaves them in the floating-point type.", No, [No, .. QuantizeCommand.Types.Where(t => !t.Value.IsFloat()).Select(t => t.Key)]);
        Option<bool> verify = new("--verify") { Description = $"Compare the logits of a text with those of base and adapter; where they are too far apart nothing is written, and the exit code is {ExitCode.Verification}." };
        Option<string?> prompt = new("--prompt", "-p") { Description = "The text to compare on; a usual one unless given.", HelpName = "TEXT" };
        Option<bool> anyBase = Options.AnyBase();
        Option<string?> tokenizer = Options.Tokenizer();
        Option<int> threads = Options.Threads();
        Option<bool> force = new("--force") { Description = "Write into the output folder when it holds something." }, json = Options.Json();
        Command command = new("merge", "Merge an adapter into its base.") { model, adapter, anyBase, output, dtype, requantize, verify, prompt, tokenizer, threads, force, json };
        command.SetAction(parse =>
        {
            string floats = parse.GetRequiredValue(dtype), bits = parse.GetRequiredValue(requantize), to = parse.GetRequiredValue(output);
            if (floats != Same && bits != No) throw new UsageException("--dtype and --requantize: give one of the two.");
            if (parse.GetValue(prompt) is not null && !parse.GetValue(verify)) throw new UsageException("--prompt belongs to a comparison; add --verify.");
            using AdaptedModel loaded = AdaptedModel.Load(session.Terminal, parse.GetRequiredValue(model), parse.GetRequiredValue(adapter), parse.GetValue(anyBase), to, parse.GetValue(tokenizer), parse.GetValue(force), parse.GetValue(threads));
            loaded.Adapter!.Adapters.Attach();
            WeightStorage storage = bits != No ? QuantizeCommand.Types[bits] : floats != Same ? AdaptedModel.Types[floats] : ModelMerger.FloatsOf(loaded.Source);
            string? words = parse.GetValue(tokenizer);
            ModelMerger merger = new(loaded.Source, loaded.Model, storage, words is null ? null : loaded.Source.LoadTokenizer(words));
            int[]? text = parse.GetValue(verify) ? loaded.Tokens(parse.GetValue(prompt) ?? MergeCheck.UsualPrompt, words) : null;
            MergeDifference? difference = null;
            List<QuantizedTensor> tensors = TensorReport.Collect(session, parse, parse.GetValue(json), $"writing {to}", merger.Matrices, (report, cancel) =>
            {
                if (text is null) merger.Write(to, report, cancel);
                else difference = merger.WriteVerified(to, loaded.Cpu, text, report, cancel);
            });
            bool written = difference is null or { Holds: true };
            List<Fact> facts =
            [
                new("base", parse.GetRequiredValue(model)), new("adapter", parse.GetRequiredValue(adapter)), new("output", written ? to : $"{to}: nothing is written", to),
                .. MergeReport.Facts(loaded, merger, written ? to : null, tensors).Select(f => f.Label == "base" ? f with { Label = "storage of the base" } : f),
                .. difference is { } measured ? Facts(measured, storage) : [],
            ];
            MergeReport.Tensors(session, parse, parse.GetValue(json), facts, tensors);
            if (parse.GetValue(json)) Fact.WriteJson(session.Terminal.Out, facts);
            else session.Results(parse).Panel("moka merge", facts);
            if (written) return ExitCode.Success;
            session.Terminal.Error.WriteLine(Invariant($"moka: {to}: the merged model's logits differ by {difference!.Value.Relative:0.0e-0} of their size, more than {difference.Value.Bound:0.0e-0} for {storage}, and nothing is written; store it in a finer type, or leave --verify out to have it all the same."));
            return ExitCode.Verification;
        });
        return command;
    }

    private static IEnumerable<Fact> Facts(MergeDifference difference, WeightStorage storage) =>
    [
        new("compared", $"every logit of {difference.Tokens} tokens, the largest {Number(difference.Size)}", difference.Tokens),
        new("largest difference", Invariant($"{difference.Largest:0.000e-0}, {difference.Relative:0.0e-0} of the largest logit"), difference.Largest),
        new("mean difference", Invariant($"{difference.Mean:0.000e-0}"), difference.Mean),
        new("bound", Invariant($"{difference.Bound:0.0e-0} of the largest logit, for {storage}"), difference.Bound),
        new("verified", difference.Holds ? "yes" : "no", difference.Holds),
    ];
}
