using MoKA.Native.Autograd;
using MoKA.Native.Ops;

namespace MoKA.Native.Tests.Autograd;

public sealed class TapeTests
{
    [Fact]
    public void ATensorOfAnEarlierPassThrowsWithItsName()
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter x = Draw.Parameter(1, new Shape(2, 3));
        Tensor y = Op.Add(tape, x, x);
        _ = y.Data;
        tape.Reset();
        const string message = "Tensor: sum [2, 3] belongs to a pass that ended with Tape.Reset; copy the numbers out before the reset.";
        Assert.Equal(message, Assert.Throws<InvalidOperationException>(() => y.Data.Length).Message);
        Assert.Equal(message, Assert.Throws<InvalidOperationException>(() => y.Gradient.Length).Message);
        Assert.Equal(message, Assert.Throws<InvalidOperationException>(() => Op.Add(tape, x, y)).Message);
    }

    [Fact]
    public void ATensorOfADisposedTapeThrows()
    {
        Tape tape = new(Cpus.Widest);
        Tensor y = tape.Allocate(new Shape(2), "activation");
        tape.Dispose();
        Assert.Throws<InvalidOperationException>(() => y.Data.Length);
    }

    [Fact]
    public void ATapeForInferenceRecordsNothing()
    {
        using Tape tape = new(Cpus.Widest, gradients: false);
        using Parameter x = Draw.Parameter(1, new Shape(1));
        Tensor y = Op.Add(tape, x, x);
        Assert.False(y.RequiresGradient);
        Assert.False(tape.Records(x));
        Assert.Equal("Tape: this tape was made for inference and recorded nothing; use new Tape(cpu) to train.", Assert.Throws<InvalidOperationException>(() => tape.Backward(y)).Message);
        Assert.False(x.HasGradient);
    }

    [Fact]
    public void AGradientThatWasPassedOnIsGone()
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter x = Draw.Parameter(1, new Shape(1));
        Tensor y = Op.Add(tape, x, x), loss = Op.Add(tape, y, y);
        tape.Backward(loss);
        Assert.Equal(4, x.Gradient[0]);
        Assert.Equal(
            "Tensor: the gradient of sum [1] was passed on to what it was computed from; read the gradients of parameters and of inputs.",
            Assert.Throws<InvalidOperationException>(() => y.Gradient.Length).Message);
    }

    [Fact]
    public void APassIsWalkedOnce()
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter x = Draw.Parameter(1, new Shape(1));
        Tensor first = Op.Add(tape, x, x), second = Op.Add(tape, x, x);
        tape.Backward(first);
        Assert.Contains("add losses up before Backward", Assert.Throws<InvalidOperationException>(() => tape.Backward(second)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void BackwardStartsFromOneNumber()
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter x = Draw.Parameter(1, new Shape(2, 3));
        Assert.Equal("Tape: Backward starts from one number, got sum [2, 3].", Assert.Throws<ArgumentException>(() => tape.Backward(Op.Add(tape, x, x))).Message);
    }

    [Fact]
    public void OpsOfFrozenInputsAreNotRecorded()
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter frozen = new("frozen", new Shape(1), trainable: false), trained = new("trained", new Shape(1));
        Tensor before = Op.Add(tape, frozen, frozen), after = Op.Add(tape, before, trained);
        Assert.False(before.RequiresGradient);
        Assert.True(after.RequiresGradient);
        tape.Backward(after);
        Assert.False(before.HasGradient);
        Assert.Equal(1, trained.Gradient[0]);
    }

    [Fact]
    public void StepsRunBackwardsAndOnlyWhereTheLossReaches()
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter x = new("x", new Shape(1));
        List<string> order = [];
        Tensor first = Traced(tape, x, "first", order), second = Traced(tape, first, "second", order);
        Traced(tape, first, "aside", order);
        tape.Backward(second);
        Assert.Equal(["second", "first"], order);
    }

    [Fact]
    public void GradientsOfAParameterAddUpOverPasses()
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter x = new("x", new Shape(1));
        for (int pass = 1; pass <= 3; pass++)
        {
            tape.Reset();
            tape.Backward(Op.Add(tape, Op.Add(tape, x, x), x));
            Assert.Equal(3 * pass, x.Gradient[0]);
        }
    }

    [Fact]
    public void APassMayDifferFromTheOneBefore()
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter x = Draw.Parameter(new Shape(1), [3]), gate = Draw.Parameter(new Shape(1), [1]);
        tape.Backward(Op.Add(tape, Op.Add(tape, x, x), x));
        tape.Reset();
        x.ClearGradient();
        tape.Backward(Op.MatMul(tape, Op.SwiGlu(tape, gate, x), x));
        Assert.Equal(2 * 3 / (1 + Math.Exp(-1)), x.Gradient[0], 1e-5);
        tape.Reset();
        x.ClearGradient();
        tape.Backward(Op.Add(tape, x, x));
        Assert.Equal(2, x.Gradient[0]);
    }

    [Fact]
    public void ResetSetsWhatThePassIs()
    {
        using Tape tape = new(Cpus.Widest);
        Assert.Equal((false, 0ul, 0ul, 1ul), (tape.Training, tape.Seed, tape.NextStream(), tape.NextStream()));
        tape.Reset(seed: 5, training: true);
        Assert.Equal((true, 5ul, 0ul), (tape.Training, tape.Seed, tape.NextStream()));
        tape.Reset();
        Assert.False(tape.Training);
    }

    private static Tensor Traced(Tape tape, Tensor x, string name, List<string> order)
    {
        Tensor y = tape.Allocate(x.Shape, name);
        tape.Record(y, new TracedNode(x, name, order));
        return y;
    }
}

file readonly record struct TracedNode(Tensor X, string Name, List<string> Order) : INode
{
    public void Backward(Tape tape, Tensor y)
    {
        Order.Add(Name);
        X.Gradient[0] += y.Gradient[0];
    }
}
