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
            return new Span<float>(_data, Shape.Count);
        }
    }

    /// <summary>The gradient of the loss with respect to each element; zero until backward steps add to it.</summary>
    public Span<float> Gradient
    {
        get
        {
            CheckAlive();
            if (_gradient == null) _gradient = NewGradient();
            return new Span<float>(_gradient, Shape.Count);
        }
    }

    /// <summary>Name and shape: "logits [8, 512]".</summary>
    public override string ToString() => $"{Name} {Shape}";

    internal static Tensor Unbound() => new();

    /// <summary>The elements as a matrix [rows, columns] for the kernels.</summary>
    internal MatrixSpan Matrix => new(Data, Shape.Rows, Shape.Columns);

    /// <summary>The gradient as a matrix [rows, columns].</summary>
    internal MatrixSpan GradientMatrix => new(Gradient, Shape.Rows, Shape.Columns);

    /// <summary>
    /// The gradient when one is asked for, else memory that nobody reads: for kernels that compute several gradients in
    /// one walk.
    /// </summary>
    internal MatrixSpan GradientMatrixOrSpare(Tape tape) => RequiresGradient ? GradientMatrix : tape.Allocate(Shape, "unread gradient").Matrix;

    internal void Bind(Tape tape, long pass, Shape shape, string name, float* data)
    {
        (_tape, _pass, Shape, Name, RequiresGradient) = (tape, pass, shape, name, false);
        _data = data;
        _gradient = null;
    }

    private protected virtual float* NewGradient()
    {
        float* start = _tape!.Arena.Allocate(Shape.Count);
        new Span<float>(start, Shape.Count).Clear();
        return start;
    }

    private void CheckAlive()
    {
        if (_tape is not null && _tape.Pass != _pass)
            throw new InvalidOperationException($"Tensor: {this} belongs to a pass that ended with Tape.Reset; copy the numbers out before the reset.");
    }
}
