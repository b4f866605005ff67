using MoKA.Native.Memory;

namespace MoKA.Native.Autograd;

/// <summary>
/// The record of one forward pass, and the memory its tensors live in. Every op takes the tape as an argument. The order
/// of recording is a topological order, so the way back is the list walked downwards.
/// </summary>
/// <remarks>
/// Tensors and recorded steps are kept and reused, tensors at the same place of a later pass and steps by their kind: a
/// training loop that repeats its operations, even in other orders, puts nothing on the managed heap after the second step.
/// A tape belongs to one thread.
/// </remarks>
public sealed unsafe class Tape : IDisposable
{
    // Two sets taking turns: a tensor kept from the last pass is still its own object in this one, so using it throws.
    private readonly List<Tensor>[] _tensors = [[], []];
    private readonly List<Step> _steps = [];
    private readonly List<StepPool> _pools = []; // one for each kind of op, of which there are few
    private int _tensorCount;
    private int _stepCount;
    private bool _walked;
    private Tape? _inner;

    /// <summary>A tape on the given processor; without gradients nothing is recorded, for inference.</summary>
    public Tape(Cpu cpu, bool gradients = true)
    {
        (Cpu, Gradients) = (cpu, gradients);
    }

    /// <summary>The threads and the instruction set that the ops use.</summary>
    public Cpu Cpu { get; }

    /// <summary>Whether ops are recorded for <see cref="Backward"/>.</summary>
    public bool Gradients { get; }

    /// <summary>Whether this pass trains: dropout acts only then. Set by <see cref="Reset"/>.</summary>
    public bool Training { get; private set; }

    /// <summary>What this pass's random numbers (dropout) derive from. Set by <see cref="Reset"/>.</summary>
    public ulong Seed { get; private set; }

    /// <summary>The most bytes of activations and gradients that any pass has held.</summary>
    public long PeakBytes => Arena.PeakBytes + (_inner?.PeakBytes ?? 0);

    internal Arena Arena { get; } = new();

    internal long Pass { get; private set; }

    /// <summary>How many streams of random numbers this pass has given out.</summary>
    internal ulong Streams { get; set; }

    /// <summary>An uninitialised tensor that lives until <see cref="Reset"/>.</summary>
    public Tensor Allocate(Shape shape, string name)
    {
        List<Tensor> tensors = _tensors[Pass & 1];
        if (_tensorCount == tensors.Count) tensors.Add(Tensor.Unbound());
        Tensor tensor = tensors[_tensorCount++];
        tensor.Bind(this, Pass, shape, name, Arena.Allocate(shape.Count));
        return tensor;
    }

    /// <summary>Whether an op with this input has to be recorded.</summary>
    public bool Records(Tensor input) => Gradients && input.RequiresGradient;

    /// <summary>Whether an op with these inputs has to be recorded.</summary>
    public bool Records(Tensor first, Tensor second) => Gradients && (first.RequiresGradient || second.RequiresGradient);

    /// <summary>Appends an op: its output and what it saved.</summary>
    public void Record<TNode>(Tensor output, TNode node) where TNode : struct, INode
    {
        output.RequiresGradient = true;
        output.AddWriter();
        Step<TNode> step = PoolOf<TNode>().Take(output, node);
        if (_stepCount < _steps.Count) _steps[_stepCount] = step;
        else _steps.Add(step);
        _stepCount++;
    }

    /// <summary>A number no other op of this pass has: the stream of its random numbers.</summary>
    public ulong NextStream() => Streams++;

    /// <summary>
    /// Fills the gradients of all parameters and inputs that <paramref name="loss"/> [1] depends on. It can be called
    /// once a pass: the gradients in between are given back as soon as they have been passed on.
    /// </summary>
    public void Backward(Tensor loss)
    {
        if (loss.Shape.Count != 1) throw new ArgumentException($"Tape: Backward starts from one number, got {loss}.");
        loss.Gradient[0] = 1;
        PassGradientsOn();
    }

    /// <summary>The same from any tensors whose gradients the caller has set.</summary>
    internal void PassGradientsOn()
    {
        if (!Gradients) throw new InvalidOperationException("Tape: this tape was made for inference and recorded nothing; use new Tape(cpu) to train.");
        if (_walked) throw new InvalidOperationException("Tape: the gradients of this pass have been passed on; begin the next pass with Reset, and add losses up before Backward.");
        _walked = true;
        for (int i = _stepCount - 1; i >= 0; i--)
        {
            _steps[i].Backward(this);
            _steps[i].Output.EndWriter();
        }
    }

    /// <summary>Ends the pass: its tensors are given back and the next pass begins.</summary>
    public void Reset(ulong seed = 0, bool training = false)
    {
        (_tensorCount, _stepCount, _walked, Streams, Seed, Training) = (0, 0, false, 0, seed, training);
        foreach (StepPool pool in _pools) pool.Taken = 0;
        Pass++;
        Arena.Reset();
    }

    /// <summary>
    /// A pass inside this one, for ops that run other ops and keep little of them: its tensors live until the next inner
    /// pass begins. It draws random numbers from <paramref name="firstStream"/> on.
    /// </summary>
    internal Tape Inner(ulong firstStream = 0)
    {
        _inner ??= new Tape(Cpu, Gradients);
        _inner.Reset(Seed, Training);
        _inner.Streams = firstStream;
        return _inner;
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        Pass++;
        _inner?.Dispose();
        Arena.Dispose();
    }

    private StepPool<TNode> PoolOf<TNode>() where TNode : struct, INode
    {
        foreach (StepPool pool in _pools)
            if (pool is StepPool<TNode> found) return found;
        StepPool<TNode> fresh = new();
        _pools.Add(fresh);
        return fresh;
    }

    /// <summary>The steps of one kind, of which the first ones are in this pass.</summary>
    private abstract class StepPool
    {
        public int Taken { get; set; }
    }

    private sealed class StepPool<TNode> : StepPool where TNode : struct, INode
    {
        private readonly List<Step<TNode>> _all = [];

        public Step<TNode> Take(Tensor output, TNode node)
        {
            if (Taken == _all.Count) _all.Add(new Step<TNode> { Output = output });
            Step<TNode> step = _all[Taken++];
            (step.Output, step.Node) = (output, node);
            return step;
        }
    }

    private abstract class Step
    {
        public required Tensor Output { get; set; }

        public abstract void Backward(Tape tape);
    }

    private sealed class Step<TNode> : Step where TNode : struct, INode
    {
        public TNode Node;

        public override void Backward(Tape tape)
        {
            if (Output.HasGradient) Node.Backward(tape, Output);
        }
    }
}
