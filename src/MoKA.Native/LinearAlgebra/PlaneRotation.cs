namespace MoKA.Native.LinearAlgebra;

/// <summary>A rotation in the plane of two rows: x' = c x - s y, y' = s x + c y.</summary>
internal static class PlaneRotation
{
    public static void Turn(Span<double> x, Span<double> y, double c, double s)
    {
        for (int i = 0; i < x.Length; i++) (x[i], y[i]) = (c * x[i] - s * y[i], s * x[i] + c * y[i]);
    }
}
