using System.CommandLine;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Cli.Commands;

/// <summary><c>moka inspect</c>: says what a folder or a file is and what is in it.</summary>
internal static class InspectCommand
{
    public static Command Create(Session session)
    {
        Argument<string?> path = new("PATH") { Description = "A model (folder, GGUF or llama2.c file), an adapter, a run, a tokenizer, or a .safetensors file.", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> tensors = new("--tensors") { Description = "List every tensor." };
        Option<int> length = Options.Whole("--length", "Tokens of an example, for the memory that a model needs.", 128, 1);
        Option<int> batch = Options.Whole("--batch", "Examples a step, for the memory that a model needs.", 16, 1, 65536);
        Option<string?> model = Options.Text("--model", "-m", "MODEL", "An adapter's base, for what cannot be told without it: the effective rank of a DoRA.");
        Option<bool> json = Options.Json();
        Command command = new("inspect", "Show what is inside a model, an adapter, a run, a tokenizer or a safetensors file.") { path, model, tensors, length, batch, json };
        InspectPlan plan = new();
        foreach (Option option in plan.All) command.Add(option);
        command.SetAction(parse =>
        {
            Inspection inspection = plan.Of(parse, parse.GetValue(path)) ?? Of(parse.GetRequiredValue(path)!, parse.GetValue(model), parse.GetValue(tensors), parse.GetValue(length), parse.GetValue(batch), session.Cancel);
            if (parse.GetValue(json)) Fact.WriteJson(session.Terminal.Out, inspection.Facts);
            else inspection.Show(session.Results(parse));
            return ExitCode.Success;
        });
        return command;
    }

    private static Inspection Of(string path, string? model, bool tensors, int length, int batch, CancellationToken cancel)
    {
        if (Directory.Exists(path) && File.Exists(Path.Combine(path, AdapterFolder.ConfigFile))) return InspectAdapter.Folder(path, model, tensors, cancel);
        if (model is not null) throw new UsageException($"--model is the base of an adapter, and {Quoted.Plain(path)} has no {AdapterFolder.ConfigFile}; give the adapter's own folder, as in runs/mine/adapter.");
        if (File.Exists(path)) return OfFile(path, tensors, length, batch);
        if (!Directory.Exists(path)) throw new MokaException($"{Quoted.Plain(path)}: there is no such file or folder; check the path.");
        bool Has(string name) => File.Exists(Path.Combine(path, name));
        if (Has(RunFolder.MetricsFile)) return InspectRun.Folder(path);
        if (Has(LlamaFolder.ConfigFile) || Has(LlamaFolder.WeightsFile) || Has(LlamaFolder.IndexFile)) return InspectModel.Of(ModelSource.Open(path), tensors, length, batch);
        if (TokenizerFile.Find(path) is { } tokenizer) return InspectTokenizer.Of(tokenizer);
        throw new MokaException($"{Quoted.Plain(path)}: neither a model ({LlamaFolder.ConfigFile}, {LlamaFolder.WeightsFile}), nor an adapter ({AdapterFolder.ConfigFile}), nor a run ({RunFolder.MetricsFile}), nor a tokenizer ({string.Join(", ", TokenizerFile.Names)}); check the path.");
    }

    /// <summary>What a file is shows in its content; a tokenizer and a model of llama2.c alone are told apart by trying.</summary>
    private static Inspection OfFile(string path, bool tensors, int length, int batch)
    {
        if (ModelSource.IsSafetensors(path) || Path.GetExtension(path) == ".safetensors") return InspectFile.Safetensors(path, tensors: true);
        ModelSource source;
        try
        {
            source = ModelSource.Open(path);
        }
        catch (MokaException noModel) when (!GgufModel.IsGguf(path))
        {
            try
            {
                return InspectTokenizer.Of(path);
            }
            catch (MokaException noTokenizer)
            {
                throw new MokaException($"{noTokenizer.Message} As a model of llama2.c: {noModel.Message}", noTokenizer);
            }
        }
        return InspectModel.Of(source, tensors, length, batch);
    }
}
