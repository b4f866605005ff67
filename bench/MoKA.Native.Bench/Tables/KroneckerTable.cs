using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using static MoKA.Native.Bench.Tables.Markdown;

namespace MoKA.Native.Bench.Tables;

/// <summary>One filter A ⊗ B of a 4096 x 4096 map: against its arithmetic, the dense product, and PyTorch.</summary>
internal static class KroneckerTable
{
    private static readonly KroneckerShape[] Shapes = [new(64, 64, 64, 64), new(32, 128, 128, 32), new(128, 32, 32, 128), new(16, 256, 256, 16), new(256, 16, 16, 256)];

    public static string Measure()
    {
        Peer peer = new();
        using Cpu cpu = new(2);
        double peak = Machine.PeakGigaflops(cpu);
        Markdown text = new("Kronecker product applied to rows",
            $"y_t = (A ⊗ B) x_t with 4096 inputs and outputs, 2 threads, float, medians of 15. Floor: the operations of the cheaper order over the {Number(peak, 0)} GFLOP/s of fused multiply-adds on registers, or copying the inputs to the outputs, whichever takes longer. Dense: the same map as one [4096, 4096] product in our own kernel. PyTorch: reshape and two matmuls.",
            peer.Description);
        text.Head("A", "B", "tokens", "ms", "operations ms", "copy ms", "times the floor", "dense ms", "dense is slower by", "PyTorch ms", "PyTorch is slower by");
        foreach (int tokens in (int[])[1, 256, 1024])
        {
            double dense = Dense(cpu, tokens, Shapes[0].In), copy = CopySeconds(cpu, tokens, Shapes[0].In);
            foreach (KroneckerShape shape in Shapes)
            {
                double seconds = Seconds(cpu, tokens, shape), operations = 2.0 * tokens * Math.Min(shape.CostAFirst, shape.CostBFirst) / peak / 1e9;
                double? torch = peer.Seconds("kronecker", 2, tokens, shape.RowsA, shape.ColumnsA, shape.RowsB, shape.ColumnsB);
                text.Row($"{shape.RowsA}x{shape.ColumnsA}", $"{shape.RowsB}x{shape.ColumnsB}", $"{tokens}", Number(1000 * seconds, 3), Number(1000 * operations, 3), Number(1000 * copy, 3), Times(seconds / Math.Max(operations, copy)), Number(1000 * dense, 2), Times(dense / seconds), Number(1000 * torch, 3), Times(torch / seconds));
            }
        }
        return text.ToString();
    }

    public static double Seconds(Cpu cpu, int tokens, KroneckerShape shape)
    {
        using Tape tape = new(cpu, gradients: false);
        using Parameter x = Filled(tokens, shape.In), a = Filled(shape.RowsA, shape.ColumnsA), b = Filled(shape.RowsB, shape.ColumnsB);
        KroneckerFilter[] filters = [new(a, b)];
        return Timing.Seconds(() =>
        {
            tape.Reset();
            Op.KroneckerMixture(tape, x, filters, gate: null);
        });
    }

    private static double Dense(Cpu cpu, int tokens, int size)
    {
        using Tape tape = new(cpu, gradients: false);
        using Parameter x = Filled(tokens, size), weight = Filled(size, size);
        return Timing.Seconds(() =>
        {
            tape.Reset();
            Op.MatMul(tape, x, weight, transposeB: true);
        });
    }

    private static double CopySeconds(Cpu cpu, int tokens, int size)
    {
        using Parameter from = Filled(tokens, size), to = Filled(tokens, size);
        return Machine.CopySeconds(cpu, from, to);
    }

    private static Parameter Filled(int rows, int columns)
    {
        Parameter parameter = new("matrix", new Shape(rows, columns), trainable: false);
        parameter.FillUniform(1, seed: 1, (ulong)(rows + columns));
        return parameter;
    }
}
