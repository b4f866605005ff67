using MoKA.Native.Autograd;
using MoKA.Native.Ops;

namespace MoKA.Native.Examples;

/// <summary>A tape records what is computed and walks back over it: y = (w · x)² and its gradient.</summary>
public static class TapeExample
{
    public static void Run(TextWriter output)
    {
        using Cpu cpu = new();
        using Tape tape = new(cpu);
        using Parameter w = new("w", new Shape(1, 2)), x = new("x", new Shape(1, 2), trainable: false);
        (w.Data[0], w.Data[1]) = (3, -1);
        (x.Data[0], x.Data[1]) = (2, 4);

        Tensor y = Square(tape, Op.MatMul(tape, x, w, transposeB: true));
        tape.Backward(y);

        output.WriteLine($"y = {y.Data[0]}");
        output.WriteLine($"dy/dw = [{w.Gradient[0]}, {w.Gradient[1]}]");
    }

    /// <summary>An op of one's own is three lines, allocate, compute, record, and a node that knows the way back.</summary>
    private static Tensor Square(Tape tape, Tensor x)
    {
        Tensor y = tape.Allocate(x.Shape, "square");
        for (int i = 0; i < x.Data.Length; i++) y.Data[i] = x.Data[i] * x.Data[i];
        if (tape.Records(x)) tape.Record(y, new SquareNode(x));
        return y;
    }

    private readonly record struct SquareNode(Tensor X) : INode
    {
        public void Backward(Tape tape, Tensor y)
        {
            for (int i = 0; i < X.Data.Length; i++) X.Gradient[i] += 2 * X.Data[i] * y.Gradient[i];
        }
    }
}
