using MoKA.Native.Diagnostics;
using MoKA.Native.Memory;

namespace MoKA.Native;

/// <summary>A tensor that owns its memory: a weight. Trainable ones collect a gradient, frozen ones never do.</summary>
/// <remarks>
/// The memory is freed by <see cref="Dispose"/>, or when the parameter is collected. A span of it does not keep it: hold
/// the parameter, or end with <see cref="GC.KeepAlive"/>, for as long as the span is used. Ops hold their inputs.
/// </remarks>
public sealed unsafe class Parameter : Tensor, IDisposable
{
    private readonly AlignedBuffer _memory;
    private AlignedBuffer? _gradientMemory;

    /// <summary>Zeros of the given shape.</summary>
    public Parameter(string name, Shape shape, bool trainable = true)
    {
        (Name, Shape) = (name, shape);
        _memory = new AlignedBuffer((long)shape.Count * sizeof(float));
        _data = (float*)_memory.Start;
        Trainable = trainable;
    }

    /// <summary>Whether the optimiser moves it.</summary>
    public bool Trainable
    {
        get => RequiresGradient;
        set => RequiresGradient = value;
    }

    /// <summary>How many times faster than others an optimiser moves it.</summary>
    public float RateFactor { get; init; } = 1;

    /// <summary>Sets the gradient to zero.</summary>
    public void ClearGradient()
    {
        if (HasGradient) Gradient.Clear();
    }

    /// <summary>Fills with U(-bound, bound); the numbers depend on the seed and the stream alone.</summary>
    public void FillUniform(float bound, ulong seed, ulong stream)
    {
        Span<float> data = Data;
        for (int i = 0; i < data.Length; i++) data[i] = (2 * CounterRandom.Uniform(seed, stream, (ulong)i) - 1) * bound;
    }

    /// <summary>Fills with N(0, deviation²); the numbers depend on the seed and the stream alone.</summary>
    public void FillNormal(float deviation, ulong seed, ulong stream)
    {
        Span<float> data = Data;
        for (int i = 0; i < data.Length; i++) data[i] = CounterRandom.Normal(seed, stream, (ulong)i) * deviation;
    }

    /// <summary>Frees the memory; the parameter must not be touched afterwards.</summary>
    public void Dispose()
    {
        _memory.Dispose();
        _gradientMemory?.Dispose();
        _data = null;
        _gradient = null;
        Shape = new Shape(0);
    }

    private protected override float* NewGradient()
    {
        _gradientMemory = new AlignedBuffer((long)Shape.Count * sizeof(float));
        return (float*)_gradientMemory.Start;
    }
}
