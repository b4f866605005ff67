namespace MoKA.Native.Kernels;

/// <summary>
/// The sixteen levels of a codebook as whole numbers of 7 bits, L = round(s level), for products in integers: two of them,
/// made positive, times codes of 8 bits add up within 16 bits, 2 × 128 × 127. The scale s is what brings the levels nearest
/// to whole numbers.
/// </summary>
internal sealed class IntegerLevels
{
    /// <summary>What is added to L, so that it is no less than 0.</summary>
    public const int Centre = 64;

    /// <summary>The least scale that is tried, and the steps by which others follow while L stays within -64 .. 64.</summary>
    private const double LeastScale = 56, Step = 1.0 / 128;

    private readonly byte[] _codes;

    /// <summary>Levels between -1 and 1.</summary>
    public IntegerLevels(ReadOnlySpan<float> levels)
    {
        double best = LeastScale, least = double.PositiveInfinity;
        for (double scale = LeastScale; scale < Centre + 0.5; scale += Step)
        {
            double error = 0;
            foreach (float level in levels) error += Square(Math.Round(level * scale) / scale - level);
            if (error < least) (best, least) = (scale, error);
        }
        Unit = (float)(1 / best);
        _codes = new byte[levels.Length];
        for (int i = 0; i < levels.Length; i++) _codes[i] = (byte)(Centre + Math.Round(levels[i] * best));
    }

    /// <summary>What one step of a whole level is worth, 1 / s.</summary>
    public float Unit { get; }

    /// <summary>L + 64 of each code [16], 0 .. 128.</summary>
    public ReadOnlySpan<byte> Codes => _codes;

    private static double Square(double x) => x * x;
}
