using BenchmarkDotNet.Running;
using MoKA.Native.Bench;
using MoKA.Native.Bench.Steps;

if (args is ["gemm", .. string[] file])
{
    string table = GemmTable.Measure();
    Console.Write(table);
    if (file is [string path]) File.WriteAllText(path, table);
    return;
}
if (args is ["step-case", string name, string threads, string steps])
{
    StepResult result = StepCase.All.First(c => c.Name == name).Run(int.Parse(threads), int.Parse(steps));
    Console.WriteLine(System.Text.Json.JsonSerializer.Serialize(result));
    return;
}
BenchmarkSwitcher.FromAssembly(typeof(GemmBench).Assembly).Run(args);
