using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// Few tokens times rows of W in NF4 or FP4, read where they lie, several at a time (<see cref="RowStreams"/>); a shuffle of bytes
/// looks the levels up. The bits are those of the specification. See Int8.md.
/// </summary>
internal static partial class LevelRows
{
    private const int BytesOfBlock = QuantizedTokens.Block / 2, BlocksOfLine = Prefetch.Line / BytesOfBlock;

    private const int Sixteen = RowStreams.Sixteen, Eight = RowStreams.Eight;

    /// <summary>
    /// y [tokens, rows] for the tokens, whose lines are dealt (<see cref="TokenOrder"/>), and the rows of W from
    /// <paramref name="first"/> on. All tokens take some rows in turn, which stay in the first-level cache.
    /// </summary>
    public static void Run(Worker worker, QuantizedTokens tokens, CodebookRows w, int first, MatrixSpan y)
    {
        InstructionSet set = worker.InstructionSet;
        int bytesOfRow = tokens.Depth / 2, blocksOfScale = w.BlockSize / QuantizedTokens.Block;
        Span<float> sums = stackalloc float[Sixteen];
        for (int row = 0, lanes, each; row < y.Columns; row += lanes * each)
        {
            (lanes, each) = RowStreams.Cut(set, y.Columns - row, bytesOfRow);
            RowScales next = w.UnitScales(worker, lanes);
            next.Start(first + row, each);
            for (int own = row; own < row + each; own++)
            {
                RowStreams codes = new(worker, w.CodesOf(first + own, (lanes - 1) * each + 1), lanes, each, bytesOfRow);
                ReadOnlySpan<float> scales = next.Finish();
                if (own + 1 < row + each) next.Start(first + own + 1, each);
                for (int t = 0; t < tokens.Tokens; t++)
                {
                    if (lanes == Sixteen) SixteenRows(tokens.Token(t), codes, w.Levels, scales, blocksOfScale, ref next, sums);
                    else if (lanes == Eight) EightRows(tokens.Token(t), codes, w.Levels, scales, blocksOfScale, sums);
                    else sums[0] = Row(tokens.Token(t), codes.Bytes, w.Levels, scales, blocksOfScale);
                    for (int lane = 0; lane < lanes; lane++) y.Row(t)[own + lane * each] = sums[lane];
                }
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
            int line = b / BlocksOfLine * QuantizedTokens.Block * BlocksOfLine, half = QuantizedTokens.HalfOfLine(token.Depth, line);
            ReadOnlySpan<byte> pairs = codes.Slice(b * BytesOfBlock, BytesOfBlock);
            ReadOnlySpan<sbyte> first = token.Codes.Slice(line + b % BlocksOfLine * BytesOfBlock, BytesOfBlock), second = token.Codes.Slice(line + half + b % BlocksOfLine * BytesOfBlock, BytesOfBlock);
            int products = 0;
            for (int j = 0; j < BytesOfBlock; j++)
                products += (levels.Codes[pairs[j] >> 4] - IntegerLevels.Centre) * first[j] + (levels.Codes[pairs[j] & 15] - IntegerLevels.Centre) * second[j];
            sum = MathF.FusedMultiplyAdd(products * scales[b / blocksOfScale], token.Scales[b], sum);
        }
        return sum;
    }
}
