using System.CommandLine;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Quantization;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary><c>moka synth</c>: a model of random weights in the shape of a known one, to measure what that would cost.</summary>
internal static class SynthCommand
{
    public static Command Create(Session session)
    {
        Option<string> shape = Options.Choice("--shape", "Which model's sizes.", "tinyllama-1.1b", [.. LlamaShapes.Names]);
        Option<string> output = Options.RequiredText("--output", "-o", "OUT", "The folder to write.");
        Option<string> type = Options.Choice("--type", "How to store the linear maps.", "nf4-double", [.. QuantizeCommand.Types.Keys]);
        Option<ulong> seed = Options.Seed(1);
        Option<bool> force = new("--force") { Description = "Write into the output folder when it holds something." };
        Command command = new("synth", "Write a model of random weights in the shape of a known one, to measure its speed and memory.") { shape, output, type, seed, force };
        command.SetAction(parse => Run(session, parse, parse.GetRequiredValue(shape), parse.GetRequiredValue(output), QuantizeCommand.Types[parse.GetRequiredValue(type)], parse.GetValue(seed), parse.GetValue(force)));
        return command;
    }

    private static int Run(Session session, ParseResult parse, string shape, string output, WeightStorage type, ulong seed, bool force)
    {
        OutputFolder.RequireFree(output, force);
        LlamaConfig config = LlamaShapes.Find(shape) with { LinearStorage = type, TableStorage = type.IsFloat() ? type : WeightStorage.BF16 };
        session.Progress(parse, onOutput: true).Counting($"writing random weights in the shape of {shape}", ModelSynthesizer.Matrices(config), done =>
        {
            ModelSynthesizer.Write(config, seed, output, done, session.Cancel);
            return 0;
        });
        session.Results(parse).Panel("moka synth",
        [
            new("output", output),
            new("shape", TrainPanel.Model(config)),
            new("parameters", $"{Count(config.ParameterCount)}, random: they say nothing, but cost what real ones do"),
            new("storage", $"linear maps {config.LinearStorage}, token table and head {config.TableStorage}"),
            new("size", Bytes(new FileInfo(Path.Combine(output, LlamaFolder.WeightsFile)).Length)),
        ]);
        return ExitCode.Success;
    }
}
