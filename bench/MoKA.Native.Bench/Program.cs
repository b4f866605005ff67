using BenchmarkDotNet.Running;
using MoKA.Native.Bench;

BenchmarkSwitcher.FromAssembly(typeof(GemmBench).Assembly).Run(args);
