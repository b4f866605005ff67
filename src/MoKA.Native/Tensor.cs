using MoKA.Native.Autograd;
using MoKA.Native.Kernels;

namespace MoKA.Native;

/// <summary>
/// A row-major, contiguous block of floats with a shape, a gradient and a name. There is no device, no element type and
/// no stride: a transpose is a flag on the product that wants it.
/// </summary>
/// <remarks>
/// A tensor made by a <see cref="Tape"/> lives until <see cref="Tape.Reset"/>; touching it in the next pass throws. The
/// pass after that reuses the object for its own tensor at the same place, so keep numbers, not tensors, between passes.
/// A <see cref="Parameter"/> owns its memory and lives as long as it is referenced.
/// </remarks>
public unsafe class Tensor
{
    private protected float* _data;
    private protected float* _gradient;
    private Tape? _tape;
    private long _pass;
    private int _writers;
    private bool _gradientSpent;
    private bool _madeAgain;

    private protected Tensor() => Name = "";

    /// <summary>The dimensions.</summary>
    public Shape Shape { get; private protected set; }

    /// <summary>What errors call this tensor.</summary>
    public string Name { get; private protected set; }

    /// <summary>Whether <see cref="Tape.Backward"/> has to reach this tensor.</summary>
    public bool RequiresGradient { get; internal set; }

    /// <summary>Whether anything has asked for the gradient yet; without one, it is zero.</summary>
    public bool HasGradient => _gradient != null;

    /// <summary>The elements, row by row.</summary>
    public Span<float> Data
    {
        get
        {
            CheckAlive();
            if (_data == null) throw new InvalidOperationException($"Tensor: the memory of {this} was given back after its last reader; copy the numbers out before.");
            return new Span<float>(_data, Shape.Count);
        }
    }

    /// <summary>
    /// The gradient of the loss with respect to each element; zero until backward steps add to it. An op's output has
    /// one only until the op has passed it on to its inputs: its memory then serves other gradients.
    /// </summary>
    public Span<float> Gradient
    {
        get
        {
            CheckAlive();
            if (_gradient == null)
            {
                _gradient = NewGradient();
                new Span<float>(_gradient, Shape.Count).Clear();
            }
            return new Span<float>(_gradient, Shape.Count);
        }
    }

    /// <summary>Name and shape: "logits [8, 512]".</summary>
    public override string ToString() => $"{Name} {Shape}";

    internal static Tensor Unbound() => new();

    /// <summary>A copy of the elements, during which the tensor is held: a span of them alone does not hold it.</summary>
    internal float[] ToArray()
    {
        float[] copy = Data.ToArray();
        GC.KeepAlive(this);
        return copy;
    }

    /// <summary>The elements as a matrix [rows, columns] for the kernels.</summary>
    internal MatrixSpan Matrix => new(Data, Shape.Rows, Shape.Columns);

    /// <summary>The gradient as a matrix [rows, columns].</summary>
    internal MatrixSpan GradientMatrix => new(Gradient, Shape.Rows, Shape.Columns);

    /// <summary>
    /// The gradient for a step that writes all of it: it must add when <paramref name="add"/>, and may overwrite what is
    /// there, undefined numbers, when it is the first to write.
    /// </summary>
    internal MatrixSpan GradientToWrite(out bool add)
    {
        CheckAlive();
        add = _gradient != null;
        if (!add) _gradient = NewGradient();
        return new MatrixSpan(new Span<float>(_gradient, Shape.Count), Shape.Rows, Shape.Columns);
    }

    /// <summary>Makes the data's memory the gradient's too: whoever writes the gradient ends the data.</summary>
    internal void LayGradientOverData() => _gradient = _data;

    /// <summary>Gives the data's memory back: nobody reads it before it is made again, if ever.</summary>
    internal void GiveDataBack()
    {
        int count = Data.Length; // alive, and not given back before
        _tape!.Arena.Return(_data, count);
        _data = null;
        _madeAgain = false;
    }

    /// <summary>Memory to make the data again; undefined numbers.</summary>
    internal void TakeDataAgain()
    {
        CheckAlive();
        _data = _tape!.Arena.Allocate(Shape.Count);
        _madeAgain = true;
    }

    /// <summary>Counts an op that writes this tensor: a map's output to which an adapter adds has two.</summary>
    internal void AddWriter() => _writers++;

    /// <summary>One writer has passed the gradient on; after the last one its memory is given back, and that of data made again.</summary>
    internal void EndWriter()
    {
        if (--_writers > 0) return;
        if (_madeAgain) GiveDataBack();
        if (_gradient == null) return;
        _tape!.Arena.Return(_gradient, Shape.Count);
        _gradient = null;
        _gradientSpent = true;
    }

    /// <summary>
    /// The same, or where no gradient is asked for, memory that nobody reads: for kernels that compute several gradients in
    /// one walk.
    /// </summary>
    internal MatrixSpan GradientToWriteOrSpare(Tape tape, out bool add)
    {
        if (RequiresGradient) return GradientToWrite(out add);
        add = false;
        return tape.Allocate(Shape, "unread gradient").Matrix;
    }

    internal void Bind(Tape tape, long pass, Shape shape, string name, float* data)
    {
        (_tape, _pass, Shape, Name, RequiresGradient) = (tape, pass, shape, name, false);
        _data = data;
        _gradient = null;
        (_gradientSpent, _madeAgain, _writers) = (false, false, 0);
    }

    /// <summary>Memory for the gradient; its content is undefined.</summary>
    private protected virtual float* NewGradient()
    {
        if (_gradientSpent) throw new InvalidOperationException($"Tensor: the gradient of {this} was passed on to what it was computed from; read the gradients of parameters and of inputs.");
        return _tape!.Arena.Allocate(Shape.Count);
    }

    private void CheckAlive()
    {
        if (_tape is not null && _tape.Pass != _pass)
            throw new InvalidOperationException($"Tensor: {this} belongs to a pass that ended with Tape.Reset; copy the numbers out before the reset.");
    }
}
