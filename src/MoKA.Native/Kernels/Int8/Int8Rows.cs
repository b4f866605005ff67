using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// Few tokens times rows of W in Q4_0, read where they lie: memory is what one token waits for. Several rows lie side by side in
/// the lanes of a register (<see cref="RowStreams"/>), with the sums of the tiles, and so the same bits.
/// </summary>
internal static partial class Int8Rows
{
    private const int Sixteen = RowStreams.Sixteen, Eight = RowStreams.Eight;

    /// <summary>y [tokens, rows] for the tokens and whole rows of W. All tokens take some rows in turn, which stay in the first-level cache.</summary>
    public static void Run(InstructionSet set, QuantizedTokens tokens, ReadOnlySpan<byte> weights, MatrixSpan y)
    {
        int bytesOfRow = tokens.Blocks * Q4_0.Bytes;
        Span<float> sums = stackalloc float[Sixteen];
        for (int row = 0, lanes, each; row < y.Columns; row += lanes * each)
        {
            (lanes, each) = RowStreams.Cut(set, y.Columns - row, bytesOfRow);
            for (int first = row; first < row + each; first++)
            {
                ReadOnlySpan<byte> rows = weights.Slice(first * bytesOfRow, ((lanes - 1) * each + 1) * bytesOfRow);
                for (int t = 0; t < tokens.Tokens; t++)
                {
                    if (lanes == Sixteen) SixteenRows(tokens.Token(t), rows, each * bytesOfRow, sums);
                    else if (lanes == Eight) EightRows(tokens.Token(t), rows, each * bytesOfRow, sums);
                    else sums[0] = Row(tokens.Token(t), rows);
                    for (int lane = 0; lane < lanes; lane++) y.Row(t)[first + lane * each] = sums[lane];
                }
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
