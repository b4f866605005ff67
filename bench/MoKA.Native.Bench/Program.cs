using BenchmarkDotNet.Running;
using MoKA.Native.Bench;

if (args is ["gemm", .. string[] file])
{
    string table = GemmTable.Measure();
    Console.Write(table);
    if (file is [string path]) File.WriteAllText(path, table);
    return;
}
BenchmarkSwitcher.FromAssembly(typeof(GemmBench).Assembly).Run(args);
