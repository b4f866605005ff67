using System.CommandLine;
using MoKA.Native.Adapters;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Quantization;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary><c>moka export</c>: an adapter or a model in the formats of other programs.</summary>
internal static class ExportCommand
{
    private const string PeftLora = "peft-lora", PeftLokr = "peft-lokr", GgufLoraFile = "gguf-lora", Gguf = "gguf", Hf = "hf", Same = "same";

    /// <summary>What was asked for.</summary>
    private sealed record Request(string Path, string? Model, bool AnyBase, string To, string Output, string Type, LoraExportOptions Lora, string? Tokenizer, bool Force, bool Json, int Threads)
    {
        public bool AsksForLess => Lora.Rank is not null || Lora.Energy is not null;
    }

    public static Command Create(Session session)
    {
        Argument<string> path = new("PATH") { Description = "An adapter's folder, the run that made it, or a model." };
        Option<string> to = Options.Choice("--to", "peft-lora, peft-lokr and gguf-lora are adapters; gguf and hf are models, merged with the adapter if one is given.", PeftLora, PeftLora, PeftLokr, GgufLoraFile, Gguf, Hf);
        Option<string> output = Options.RequiredText("--output", "-o", "OUT", "The folder to write; with gguf and gguf-lora the file.");
        Option<string?> model = Options.Text("--model", "-m", "MODEL", "The base of the adapter. peft-lora and peft-lokr need it only where the adapter's files do not tell the sizes of its maps, and for the LoRA nearest to a DoRA.");
        Option<bool> anyBase = Options.AnyBase();
        Option<string> type = Options.Choice("--type", "How to store numbers: gguf any of these, hf a floating-point type, gguf-lora f32 or f16. same is the model's own floating-point type, f32 for gguf-lora.", Same, [Same, .. AdaptedModel.Types.Keys]);
        Option<int> rank = Options.Whole("--rank", "With peft-lora and gguf-lora: the most that a map's rank may be; where that is not exact the nearest of that rank is made, also of a DoRA. 0 for what is exact alone.", 0, 0, LoraOptions.HighestRank);
        Option<float> energy = Options.Real("--energy", "Instead of --rank: the share of the update's squared singular values to keep, such as 0.99.", 0);
        Option<string?> tokenizer = Options.Tokenizer();
        Option<int> threads = Options.Threads();
        Option<bool> force = new("--force") { Description = "Write over what is there." }, json = Options.Json();
        Command command = new("export", "Write an adapter or a model for other programs.") { path, to, output, model, anyBase, type, rank, energy, tokenizer, threads, force, json };
        command.SetAction(parse =>
        {
            int most = parse.GetValue(rank);
            float share = parse.GetValue(energy);
            LoraExportOptions lora = new() { Rank = most > 0 ? most : null, Energy = share != 0 ? share : null };
            UsageException.Check(lora.Validate);
            return Run(session, parse, new Request(parse.GetRequiredValue(path), parse.GetValue(model), parse.GetValue(anyBase), parse.GetRequiredValue(to), parse.GetRequiredValue(output), parse.GetRequiredValue(type), lora, parse.GetValue(tokenizer), parse.GetValue(force), parse.GetValue(json), parse.GetValue(threads)));
        });
        return command;
    }

    private static int Run(Session session, ParseResult parse, Request request)
    {
        Check(request);
        bool adapter = request.Model is not null;
        AdapterInput.CheckAnyBase(request.AnyBase, adapter);
        if (!adapter && request.To is (PeftLora or PeftLokr))
        {
            using ConvertedAdapter alone = ConvertedAdapter.Alone(request.Path, request.Output, request.Force, request.Threads);
            if (request.AsksForLess && alone.Stored.Adapters.Entries.Any(e => e.Adapter is DoraAdapter))
                throw new UsageException($"{request.Path}: the LoRA nearest to a DoRA depends on its base's weights, and no base was given; add --model, or leave --rank and --energy out to write the DoRA itself.");
            return request.To == PeftLora ? Lora(session, parse, request, alone) : Lokr(session, parse, request, alone);
        }
        using AdaptedModel loaded = AdaptedModel.Load(session.Terminal, request.Model ?? request.Path, adapter ? request.Path : null, request.AnyBase, request.Output, request.Tokenizer, request.Force, request.Threads);
        return request.To switch
        {
            PeftLora or GgufLoraFile => Lora(session, parse, request, ConvertedAdapter.Of(loaded)),
            PeftLokr => Lokr(session, parse, request, ConvertedAdapter.Of(loaded)),
            Gguf => Model(session, parse, request, loaded),
            _ => Folder(session, parse, request, loaded),
        };
    }

    private static void Check(Request request)
    {
        bool model = request.To is Gguf or Hf, adapter = File.Exists(Path.Combine(AdapterInput.FolderOf(request.Path), AdapterFolder.ConfigFile));
        if (request.Model is null && (request.To == GgufLoraFile || (model && adapter)))
            throw new UsageException($"{request.Path}: an adapter's export to {request.To} needs its base, got none; add --model.");
        if (!model && !adapter) throw new UsageException($"{request.Path}: --to {request.To} takes an adapter's folder, or the run that made it, and there is no {AdapterFolder.ConfigFile}; check the path.");
        if (model && request.AsksForLess) throw new UsageException($"--rank and --energy belong to {PeftLora} and {GgufLoraFile}; a merged model is exact.");
        if (request.Type != Same && request.To is (PeftLora or PeftLokr)) throw new UsageException("--type belongs to gguf, hf and gguf-lora; PEFT's folders hold floats.");
        if (request.To == Hf && request.Type is ("q8_0" or "q4_0")) throw new UsageException($"--type must be f32, f16 or bf16 with {Hf}, got {request.Type}; moka quantize and moka merge --requantize write folders in fewer bits.");
        if (request.To == GgufLoraFile && request.Type is not (Same or "f32" or "f16")) throw new UsageException($"--type must be f32 or f16 with {GgufLoraFile}, got {request.Type}.");
    }

    private static int Lora(Session session, ParseResult parse, Request request, ConvertedAdapter loaded)
    {
        AdapterSet own = loaded.Stored.Adapters;
        List<ExportedModule> modules = [];
        AdapterSet lora = session.Progress(parse, onOutput: !request.Json).Counting($"converting {request.Path}", own.Entries.Count(), done => LoraExport.Convert(loaded.Cpu, own, request.Lora, module =>
        {
            modules.Add(module);
            done(modules.Count);
        }, session.Cancel));
        if (request.To == PeftLora) loaded.Save(request.Output, lora);
        else GgufLora.Write(request.Output, loaded.Base!.Model, lora, request.Type == Same ? WeightStorage.F32 : AdaptedModel.Types[request.Type]);
        ExportedModule worst = modules.MaxBy(m => m.RelativeError);
        List<Fact> facts =
        [
            .. Common(request, loaded.Base, loaded.Origin), new("maps", Count(modules.Count), modules.Count),
            new("exact", modules.All(m => m.Exact) ? Exactly(request, loaded, lora) : $"{modules.Count(m => m.Exact)} of {modules.Count}", modules.All(m => m.Exact)),
            new("ranks", Range(modules), modules.Max(m => m.Rank)),
            new("parameters", $"{Count(lora.ParameterCount)}, from {Count(own.ParameterCount)}", lora.ParameterCount),
            new("worst error", $"{Error(worst.RelativeError)} of its norm in {worst.Name}", worst.RelativeError),
        ];
        if (request.Json) facts.Add(new("modules", "", modules.Select(m => Fact.Named(m.Name, new Fact[] { new("rank", "", m.Rank), new("exact", "", m.Exact), new("relative error", "", m.RelativeError) }))));
        else session.Results(parse).Table("adapted maps", ["map", "shape", "rank", "exact", "relative error"], [.. modules.Select(m => new[] { m.Name, $"[{m.Outputs}, {m.Inputs}]", $"{m.Rank}", m.Exact ? "yes" : "no", Error(m.RelativeError) })]);
        return Print(session, parse, request, facts);
    }

    private static int Lokr(Session session, ParseResult parse, Request request, ConvertedAdapter loaded)
    {
        AdapterSet lokr = LokrExport.Convert(loaded.Stored.Adapters);
        loaded.Save(request.Output, lokr);
        LokrOptions options = ((LokrAdapter)lokr.Entries.First().Adapter).Options;
        return Print(session, parse, request,
        [
            .. Common(request, loaded.Base, loaded.Origin), new("maps", Count(lokr.Entries.Count()), lokr.Entries.Count()), new("exact", Exactly(request, loaded, lokr), true),
            new("decompose factor", $"{options.Factor}", options.Factor), new("rank", loaded.IsSame(lokr) ? $"{options.Rank}" : $"{options.Rank}, both factors whole", options.Rank),
        ]);
    }

    private static int Model(Session session, ParseResult parse, Request request, AdaptedModel loaded)
    {
        loaded.Adapter?.Adapters.Attach();
        WeightStorage storage = Storage(request, loaded);
        GgufExport export = new(loaded.Source, loaded.Model, storage, Tokenizer(request, loaded));
        List<QuantizedTensor> tensors = TensorReport.Collect(session, parse, request.Json, $"writing {request.Output}", export.Matrices, (report, cancel) => export.Write(request.Output, report, cancel));
        List<Fact> facts = [.. Common(request, loaded), new("storage", $"linear maps {storage}, token table and head {export.TableStorage}", storage.ToString()), .. MergeReport.Rounding(tensors), new("size", Bytes(new FileInfo(request.Output).Length), new FileInfo(request.Output).Length)];
        if (export.Notes.Count > 0) facts.Add(new("notes", string.Join("; ", export.Notes), export.Notes));
        MergeReport.Tensors(session, parse, request.Json, facts, tensors);
        return Print(session, parse, request, facts);
    }

    private static int Folder(Session session, ParseResult parse, Request request, AdaptedModel loaded)
    {
        loaded.Adapter?.Adapters.Attach();
        ModelMerger merger = new(loaded.Source, loaded.Model, Storage(request, loaded), Tokenizer(request, loaded));
        List<QuantizedTensor> tensors = TensorReport.Collect(session, parse, request.Json, $"writing {request.Output}", merger.Matrices, (report, cancel) => merger.Write(request.Output, report, cancel));
        List<Fact> facts = [.. Common(request, loaded), .. MergeReport.Facts(loaded, merger, request.Output, tensors)];
        MergeReport.Tensors(session, parse, request.Json, facts, tensors);
        return Print(session, parse, request, facts);
    }

    private static Tokenizer? Tokenizer(Request request, AdaptedModel loaded) => request.Tokenizer is { } path ? loaded.Source.LoadTokenizer(path) : null;

    private static WeightStorage Storage(Request request, AdaptedModel loaded) => request.Type == Same ? ModelMerger.FloatsOf(loaded.Source) : AdaptedModel.Types[request.Type];

    private static IEnumerable<Fact> Common(Request request, AdaptedModel? loaded, AdapterOrigin? origin = null)
    {
        if (loaded is not null) yield return new("model", $"{loaded.Source.Path}, {loaded.Source.Format}", loaded.Source.Path);
        else yield return new("model", $"{Diagnostics.Quoted.Plain(origin!.BaseModel)}, as the adapter names it", origin.BaseModel);
        if (loaded is not { Adapter: null }) yield return new("adapter", request.Path);
        yield return new("format", request.To);
        yield return new("output", request.Output);
    }

    private static string Exactly(Request request, ConvertedAdapter loaded, AdapterSet made) => request.To != GgufLoraFile && loaded.IsSame(made) ? "all, to the bit" : "all, up to rounding";

    private static string Range(List<ExportedModule> modules) => modules.Min(m => m.Rank) is var least && modules.Max(m => m.Rank) is var most && least == most ? $"{most}" : $"{least} to {most}";

    private static string Error(double relative) => relative < 1e-4 ? Invariant($"{relative:0.0e-0}") : Percent(relative);

    private static int Print(Session session, ParseResult parse, Request request, IReadOnlyList<Fact> facts)
    {
        if (request.Json) Fact.WriteJson(session.Terminal.Out, facts);
        else session.Results(parse).Panel("moka export", facts);
        return ExitCode.Success;
    }
}
