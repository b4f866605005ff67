using MoKA.Native.Autograd;

namespace MoKA.Native.Ops;

/// <summary>How an op's output is made again from what is kept, as a value.</summary>
internal interface IMaker
{
    /// <summary>Fills y with the numbers that it had, to the bit.</summary>
    void Make(Tape tape, Tensor y);
}

public static partial class Op
{
    /// <summary>
    /// Gives the memory of an op's output back when all that reads it has run. The way back makes it again before the first gradient
    /// that may need it, and gives it back when its own is passed on: what is cheap to make again need not be kept for every layer.
    /// </summary>
    private static void Forget<TMaker>(string op, Tape tape, Tensor y, Tensor reader, TMaker maker) where TMaker : struct, IMaker
    {
        if (y is Parameter) throw new ArgumentException($"{op}: only an op's output can be given back, got {y}.");
        y.GiveDataBack();
        // Recorded last, so it is the first on the way back; y itself may need no gradient where what reads it does.
        if (tape.Records(reader)) tape.Record(reader, new ForgottenNode<TMaker>(y, maker));
    }
}

file readonly record struct ForgottenNode<TMaker>(Tensor Forgotten, TMaker Maker) : INode where TMaker : struct, IMaker
{
    public void Backward(Tape tape, Tensor y)
    {
        Forgotten.TakeDataAgain();
        Maker.Make(tape, Forgotten);
    }
}
