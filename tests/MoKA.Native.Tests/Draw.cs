using MoKA.Native.Diagnostics;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests;

/// <summary>Random test inputs, a pure function of their seed.</summary>
internal static class Draw
{
    /// <summary>Numbers of the standard normal distribution.</summary>
    public static float[] Normal(ulong seed, int count) => [.. Enumerable.Range(0, count).Select(i => CounterRandom.Normal(seed, 0, (ulong)i))];

    /// <summary>Integers from <paramref name="low"/> to <paramref name="high"/>.</summary>
    public static int[] Integers(ulong seed, int count, int low, int high) => [.. Enumerable.Range(0, count).Select(i => low + CounterRandom.Below(seed, 1, (ulong)i, high - low + 1))];

    /// <summary>A trainable parameter of standard normal numbers.</summary>
    public static Parameter Parameter(ulong seed, Shape shape)
    {
        Parameter parameter = new($"input {seed}", shape);
        parameter.FillNormal(1, seed, 0);
        return parameter;
    }

    /// <summary>A parameter with the given numbers.</summary>
    public static Parameter Parameter(Shape shape, ReadOnlySpan<float> numbers)
    {
        Parameter parameter = new("input", shape);
        numbers.CopyTo(parameter.Data);
        return parameter;
    }

    /// <summary>Ascending starts of <paramref name="sequences"/> sequences, some perhaps empty, that cover the tokens.</summary>
    public static int[] Starts(ulong seed, int sequences, int tokens) =>
        [0, .. Integers(seed, sequences - 1, 0, tokens).Order(), tokens];

    /// <summary>The numbers of a tensor in double.</summary>
    public static Matrix<double> Exact(Tensor tensor)
    {
        Matrix<double> matrix = new(tensor.Shape.Rows, tensor.Shape.Columns);
        for (int i = 0; i < matrix.Data.Length; i++) matrix.Data[i] = tensor.Data[i];
        GC.KeepAlive(tensor);
        return matrix;
    }
}
