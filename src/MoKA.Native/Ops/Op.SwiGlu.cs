using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>
    /// The gated unit of LLaMA's feed-forward layer (Shazeer, arXiv 2002.05202): y = silu(gate) ⊙ up,
    /// silu(z) = z σ(z), σ(z) = 1 / (1 + e^-z). dup = dy ⊙ silu(gate), dgate = dy ⊙ up ⊙ σ (1 + gate (1 - σ)).
    /// </summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="gate">[.., n].</param>
    /// <param name="up">The same shape.</param>
    public static Tensor SwiGlu(Tape tape, Tensor gate, Tensor up)
    {
        Check.Shape("SwiGlu", "up", up, gate.Shape, "gate", gate.Shape);
        Tensor y = tape.Allocate(gate.Shape, "swiglu");
        new SwiGluMaker(gate, up).Make(tape, y);
        if (tape.Records(gate, up)) tape.Record(y, new SwiGluNode(gate, up));
        return y;
    }

    /// <summary>Gives the memory of y = SwiGlu(gate, up) back until the way back makes it again; every result has the same bits as without this.</summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="y">What <see cref="SwiGlu"/> gave; its numbers can no longer be read.</param>
    /// <param name="gate">What it was made of.</param>
    /// <param name="up">The same.</param>
    /// <param name="reader">What all that reads y has led to: an output that needs a gradient if any of it does.</param>
    public static void ForgetSwiGlu(Tape tape, Tensor y, Tensor gate, Tensor up, Tensor reader)
    {
        Check.Shape("ForgetSwiGlu", "y", y, gate.Shape, "gate", gate.Shape);
        Forget("ForgetSwiGlu", tape, y, reader, new SwiGluMaker(gate, up));
    }

    private readonly record struct SwiGluMaker(Tensor Gate, Tensor Up) : IMaker
    {
        public void Make(Tape tape, Tensor y)
        {
            SwiGluForwardJob job = new(Gate.Matrix, Up.Matrix, y.Matrix);
            tape.Cpu.Run(RowBlocks.Count(Gate.Shape.Rows), ref job);
        }
    }

    private readonly ref struct SwiGluForwardJob(MatrixSpan gate, MatrixSpan up, MatrixSpan y) : IJob
    {
        private readonly MatrixSpan _gate = gate, _up = up, _y = y;

        public void Run(int item, Worker worker)
        {
            (int first, int last) = RowBlocks.Range(item, _gate.Rows);
            for (int i = first; i < last; i++) SwiGluKernels.Forward(worker.InstructionSet, _gate.Row(i), _up.Row(i), _y.Row(i));
        }
    }
}

file readonly record struct SwiGluNode(Tensor Gate, Tensor Up) : INode
{
    public void Backward(Tape tape, Tensor y)
    {
        MatrixSpan dGate = Gate.GradientToWriteOrSpare(tape, out bool addGate), dUp = Up.GradientToWriteOrSpare(tape, out bool addUp);
        BackwardJob job = new(Gate.Matrix, Up.Matrix, y.GradientMatrix, dGate, addGate, dUp, addUp);
        tape.Cpu.Run(RowBlocks.Count(Gate.Shape.Rows), ref job);
    }

    private readonly ref struct BackwardJob(MatrixSpan gate, MatrixSpan up, MatrixSpan dy, MatrixSpan dGate, bool addGate, MatrixSpan dUp, bool addUp) : IJob
    {
        private readonly MatrixSpan _gate = gate, _up = up, _dy = dy, _dGate = dGate, _dUp = dUp;

        public void Run(int item, Worker worker)
        {
            (int first, int last) = RowBlocks.Range(item, _gate.Rows);
            for (int i = first; i < last; i++)
                SwiGluKernels.Backward(worker.InstructionSet, _gate.Row(i), _up.Row(i), _dy.Row(i), _dGate.Row(i), addGate, _dUp.Row(i), addUp);
        }
    }
}
