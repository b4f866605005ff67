using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// One token times rows of W in Q4_0, read where they lie. Several rows lie side by side in the lanes of a register
/// (<see cref="RowStreams"/>), as in <see cref="Int8Lanes"/>, whose bits these are, but their scales are read with the codes.
/// </summary>
internal static partial class Int8Rows
{
    private const int Sixteen = RowStreams.Sixteen, Eight = RowStreams.Eight;

    /// <summary>y [rows] for the token and whole rows of W.</summary>
    public static void Run(InstructionSet set, QuantizedTokens token, ReadOnlySpan<byte> weights, Span<float> y)
    {
        int bytesOfRow = token.Blocks * Q4_0.Bytes;
        Span<float> sums = stackalloc float[Sixteen];
        for (int row = 0, lanes, each; row < y.Length; row += lanes * each)
        {
            (lanes, each) = RowStreams.Cut(set, y.Length - row, bytesOfRow);
            for (int first = row; first < row + each; first++)
            {
                ReadOnlySpan<byte> rows = weights.Slice(first * bytesOfRow, ((lanes - 1) * each + 1) * bytesOfRow);
                if (lanes == Sixteen) SixteenRows(token, rows, each * bytesOfRow, sums);
                else if (lanes == Eight) EightRows(token, rows, each * bytesOfRow, sums);
                else sums[0] = Row(token, rows);
                for (int lane = 0; lane < lanes; lane++) y[first + lane * each] = sums[lane];
            }
        }
    }

    /// <summary>The specification, for one row.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static float Row(QuantizedTokens token, ReadOnlySpan<byte> weights)
    {
        float sum = 0;
        for (int b = 0; b < token.Blocks; b++)
        {
            ReadOnlySpan<byte> block = weights.Slice(b * Q4_0.Bytes, Q4_0.Bytes);
            ReadOnlySpan<sbyte> codes = token.Codes.Slice(b * QuantizedTokens.Block, QuantizedTokens.Block);
            int products = 0;
            for (int j = 0; j < 16; j++) products += ((block[2 + j] & 15) - 8) * codes[j] + ((block[2 + j] >> 4) - 8) * codes[j + 16];
            sum = MathF.FusedMultiplyAdd(products * (float)MemoryMarshal.Read<Half>(block), token.Scales[b], sum);
        }
        return sum;
    }
}
