using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace MoKA.Native.Bench.Torch;

/// <summary>A whole training step, or the frozen base's forward alone; only the frozen linear maps change their type.</summary>
internal static class Step
{
    private const int Batch = 4, Length = 256, WarmUp = 3;

    public static object Measure(string mode, ScalarType type, int steps)
    {
        Action step = mode == "forward" ? Forward() : Training(mode, type);
        List<double> times = [];
        for (int i = -WarmUp; i < steps; i++)
        {
            using DisposeScope scope = NewDisposeScope();
            long start = Stopwatch.GetTimestamp();
            step();
            if (i >= 0) times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        return new { Name = mode, Milliseconds = Median.Of(times), PeakBytes = Memory.PeakBytes() };
    }

    private static Action Training(string mode, ScalarType type)
    {
        Llama model = new(LlamaShape.M110, mode, Length, type);
        var optimizer = optim.AdamW(model.TrainableParameters(), lr: 1e-5);
        Tensor tokens = randint(0, LlamaShape.M110.Vocab, [Batch, Length + 1], ScalarType.Int64);
        return () =>
        {
            Tensor loss = nn.functional.cross_entropy(model.Forward(tokens.narrow(1, 0, Length)), tokens.narrow(1, 1, Length).reshape(-1));
            loss.backward();
            optimizer.step();
            optimizer.zero_grad();
            loss.item<float>();
        };
    }

    private static Action Forward()
    {
        Llama model = new(LlamaShape.M110, "frozen", Length);
        Tensor tokens = randint(0, LlamaShape.M110.Vocab, [Batch, Length], ScalarType.Int64);
        return () =>
        {
            using IDisposable quiet = no_grad();
            model.Forward(tokens);
        };
    }
}
