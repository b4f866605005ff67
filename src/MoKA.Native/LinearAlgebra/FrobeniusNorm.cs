namespace MoKA.Native.LinearAlgebra;

/// <summary>The Frobenius norm ‖X‖ = √Σ x², summed in double in the order of the numbers.</summary>
public static class FrobeniusNorm
{
    /// <summary>‖X‖.</summary>
    public static double Of(ReadOnlySpan<float> x) => Math.Sqrt(Square(x));

    /// <summary>‖X‖².</summary>
    public static double Square(ReadOnlySpan<float> x)
    {
        double square = 0;
        foreach (float value in x) square += (double)value * value;
        return square;
    }
}
