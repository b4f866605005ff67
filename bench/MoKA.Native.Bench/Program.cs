using System.Text.Json;
using BenchmarkDotNet.Running;
using MoKA.Native.Bench;
using MoKA.Native.Bench.Steps;
using MoKA.Native.Bench.Tables;

Dictionary<string, Func<string>> tables = new()
{
    ["gemm"] = GemmTable.Measure,
    ["steps"] = StepTable.Measure,
    ["attention"] = AttentionTable.Measure,
    ["kronecker"] = KroneckerTable.Measure,
    ["scaling"] = ScalingTable.Measure,
    ["methods"] = MethodTable.Measure,
    ["int4"] = Int4Table.Measure,
    ["large"] = LargeTable.Measure,
};

switch (args)
{
    case ["step-run", string run]:
        Console.WriteLine(JsonSerializer.Serialize(StepCase.Measure(JsonSerializer.Deserialize<StepRun>(run)!)));
        break;
    case ["large-run", string what, string folder]:
        Console.WriteLine(JsonSerializer.Serialize(LargeTable.Run(what, folder)));
        break;
    case ["tokenizers", string tokenizer, string sample, .. string[] file]:
        string speeds = TokenizerTable.Measure(tokenizer, sample);
        Console.Write(speeds);
        if (file is [string target]) File.WriteAllText(target, speeds);
        break;
    case ["quick", .. string[] options]:
        foreach ((string key, double? ratio) in options is ["--json"] ? [] : Quick.Measure()) Console.WriteLine($"{key}: {Markdown.Number(ratio, 3)}");
        if (options is ["--json"]) Console.WriteLine(JsonSerializer.Serialize(Quick.Measure()));
        break;
    case ["all", string folder]:
        Directory.CreateDirectory(folder);
        foreach ((string name, Func<string> measure) in tables)
        {
            File.WriteAllText(Path.Combine(folder, name + ".md"), measure());
            Console.WriteLine($"{name} is measured");
        }
        break;
    case [string name, .. string[] file] when tables.TryGetValue(name, out Func<string>? measure):
        string table = measure();
        Console.Write(table);
        if (file is [string path]) File.WriteAllText(Directory.Exists(path) ? Path.Combine(path, name + ".md") : path, table);
        break;
    default:
        BenchmarkSwitcher.FromAssembly(typeof(GemmBench).Assembly).Run(args);
        break;
}
