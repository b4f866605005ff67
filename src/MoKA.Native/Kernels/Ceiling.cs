namespace MoKA.Native.Kernels;

/// <summary>How many pieces of one size cover a whole.</summary>
internal static class Ceiling
{
    /// <summary>⌈a / b⌉ for a ≥ 0, b &gt; 0.</summary>
    public static int OfRatio(int a, int b) => (a + b - 1) / b;
}
