namespace MoKA.Native.Tests;

/// <summary>Euclidean norms, for tolerances relative to the size of what is compared.</summary>
internal static class Norms
{
    public static double Of(ReadOnlySpan<double> x)
    {
        double squares = 0;
        foreach (double value in x) squares += value * value;
        return Math.Sqrt(squares);
    }

    public static double Of(ReadOnlySpan<float> x) => Of(Exact(x));

    /// <summary>The norm of the difference.</summary>
    public static double Distance(ReadOnlySpan<double> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double squares = 0;
        for (int i = 0; i < expected.Length; i++) squares += (expected[i] - actual[i]) * (expected[i] - actual[i]);
        return Math.Sqrt(squares);
    }

    public static double Distance(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual) => Distance(Exact(expected), actual);

    /// <summary>The numbers in double.</summary>
    public static double[] Exact(ReadOnlySpan<float> x)
    {
        double[] exact = new double[x.Length];
        for (int i = 0; i < x.Length; i++) exact[i] = x[i];
        return exact;
    }
}
