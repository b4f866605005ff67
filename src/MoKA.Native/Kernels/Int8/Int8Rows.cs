namespace MoKA.Native.Kernels;

/// <summary>
/// One token times rows of W in Q4_0, read where they lie, in the lanes of a register, as <see cref="Int8Lanes"/> has them and with
/// its bits; but their scales are read with the codes. AVX-512 and AVX2.
/// </summary>
internal static partial class Int8Rows
{
    private const int Sixteen = RowStreams.Sixteen, Eight = RowStreams.Eight;

    /// <summary>y of sixteen or eight rows of W, which are <paramref name="apart"/> rows from each other, as are their places in y.</summary>
    public static void Multiply(int lanes, in QuantizedTokens token, ReadOnlySpan<byte> rows, int apart, Span<float> y)
    {
        int stride = apart * token.Blocks * Q4_0.Bytes;
        Span<float> sums = stackalloc float[Sixteen];
        if (lanes == Sixteen) SixteenRows(token, rows, stride, sums);
        else EightRows(token, rows, stride, sums);
        for (int lane = 0; lane < lanes; lane++) y[lane * apart] = sums[lane];
    }
}
