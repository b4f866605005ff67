using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// Few tokens times rows of W in NF4 or FP4, read where they lie. Several rows lie side by side in the lanes of a register and a byte
/// shuffle looks the levels up, each in two parts; sums of both parts stay within 16 bits for two products of two neighbours
/// each, 4 × 63 × 127. The bits are those of the specification.
/// </summary>
internal static partial class LevelRows
{
    /// <summary>How many rows ahead memory is asked for.</summary>
    private const int RowsAhead = 32;

    private const int BytesOfBlock = QuantizedTokens.Block / 2;

    /// <summary>How many rows lie side by side on AVX-512 and on AVX2.</summary>
    private const int Sixteen = LaneColumns.Rows, Eight = LaneColumns.Rows / 2;

    /// <summary>
    /// y [tokens, rows] for the tokens, their pairs dealt (<see cref="QuantizedTokens.DealPairs"/>), and the rows of W from
    /// <paramref name="first"/> on. All tokens take some rows in turn, which stay in the first-level cache.
    /// </summary>
    public static void Run(Worker worker, QuantizedTokens tokens, CodebookRows w, int first, MatrixSpan y)
    {
        InstructionSet set = worker.InstructionSet;
        for (int row = 0, rows; row < y.Columns; row += rows)
        {
            int left = y.Columns - row;
            rows = set == InstructionSet.Avx512 && left >= Sixteen ? Sixteen : set >= InstructionSet.Avx2 && left >= Eight ? Eight : 1;
            ReadOnlySpan<byte> codes = w.CodesOf(first + row, rows);
            Span<float> scales = w.UnitScales(worker, first + row, rows, 0, tokens.Depth, rows);
            int blocksOfScale = w.BlockSize / QuantizedTokens.Block, stride = codes.Length / rows;
            ref byte next = ref Unsafe.Add(ref MemoryMarshal.GetReference(codes), (nint)RowsAhead * stride);
            codes = LaneRows.Apart(worker, codes, rows, ref stride, stride);
            for (int t = 0; t < tokens.Tokens; t++)
            {
                QuantizedTokens token = tokens.Token(t);
                Span<float> some = y.Row(t).Slice(row, rows);
                if (rows == Sixteen) SixteenRows(token, codes, stride, ref next, w.Levels, scales, blocksOfScale, some);
                else if (rows == Eight) EightRows(token, codes, stride, ref next, w.Levels, scales, blocksOfScale, some);
                else some[0] = Row(token, codes, w.Levels, scales, blocksOfScale);
            }
        }
    }

    /// <summary>The specification, for one row.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static float Row(QuantizedTokens token, ReadOnlySpan<byte> codes, IntegerLevels levels, ReadOnlySpan<float> scales, int blocksOfScale)
    {
        float sum = 0;
        for (int b = 0; b < token.Blocks; b++)
        {
            ReadOnlySpan<byte> pairs = codes.Slice(b * BytesOfBlock, BytesOfBlock);
            ReadOnlySpan<sbyte> p = token.Codes.Slice(b * QuantizedTokens.Block, QuantizedTokens.Block);
            int products = 0;
            for (int j = 0; j < BytesOfBlock; j++)
            {
                int dealt = 8 * (j / 4) + j % 4;
                products += levels.Levels[pairs[j] >> 4] * p[dealt] + levels.Levels[pairs[j] & 15] * p[dealt + 4];
            }
            sum = MathF.FusedMultiplyAdd(products * scales[b / blocksOfScale], token.Scales[b], sum);
        }
        return sum;
    }

    /// <summary>-2048 Σ p from a block's biases, which are -8 Σ p in two halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Bias(int halves) => IntegerLevels.Centre / QuantizedTokens.Centre * ((short)halves + (halves >> 16));

    /// <summary>Four codes of the token.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Four(ref byte p, int offset) => Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref p, offset));

    private static Vector128<byte> Table(ReadOnlySpan<byte> parts) => Vector128.Create(parts);
}
