using System.Text.Json;
using MoKA.Native.Bench.Torch;
using TorchSharp;

// What the bench asks its peer, one command a process so that the peak memory is its own; one JSON object on stdout:
//   info THREADS
//   gemm THREADS float32|bfloat16 M K N plain|transposed
//   attention THREADS TOKENS HEADS HEADDIM
//   kronecker THREADS TOKENS ROWSA COLUMNSA ROWSB COLUMNSB
//   step THREADS lora|moka-loop|moka-stacked|moka-dense|forward float32|bfloat16 STEPS
try
{
    int threads = int.Parse(args[1]);
    torch.set_num_threads(threads);
    torch.random.manual_seed(1);
    int At(int i) => int.Parse(args[i]);
    torch.ScalarType Type(int i) => args[i] == "bfloat16" ? torch.ScalarType.BFloat16 : torch.ScalarType.Float32;
    object answer = args[0] switch
    {
        "info" => new { Version = Version.Parse(torch.__version__).ToString(3), Threads = threads },
        "gemm" => Kernels.Gemm(Type(2), At(3), At(4), At(5), args[6] == "transposed"),
        "attention" => Kernels.Attention(At(2), At(3), At(4)),
        "kronecker" => Kernels.Kronecker(At(2), At(3), At(4), At(5), At(6)),
        "step" => Step.Measure(args[2], Type(3), At(4)),
        _ => throw new ArgumentException($"'{args[0]}' is no command; there are info, gemm, attention, kronecker and step."),
    };
    Console.WriteLine(JsonSerializer.Serialize(answer));
    return 0;
}
catch (Exception failure) when (failure is NotSupportedException or TypeInitializationException or DllNotFoundException)
{
    string reason = (failure.InnerException ?? failure).Message.Split('\n')[0];
    Console.Error.WriteLine($"libtorch cannot be loaded ({reason}); where the system's libstdc++ is too old, run debian12.py on the build folder.");
    return 3;
}
