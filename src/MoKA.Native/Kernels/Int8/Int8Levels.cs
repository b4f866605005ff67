using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

/// <summary>
/// Rows of W in NF4 or FP4, L their levels as whole numbers (<see cref="IntegerLevels"/>). Two products fit 16 bits, not more; so
/// the sums of a lane have 32.
/// </summary>
internal readonly ref struct Int8Levels(CodebookRows weights) : IInt8Weights
{
    private readonly CodebookRows _weights = weights;

    public static int Centre => IntegerLevels.Centre;

    public static bool DealsPairs => true;

    /// <summary>-64 Σ p from a block's bias, which is -8 Σ p in two halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Start(int bias) => IntegerLevels.Centre / QuantizedTokens.Centre * ((short)bias + (bias >> 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sums, Vector256<byte> w, Vector256<sbyte> p) => sums + Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w, p), Vector256<short>.One);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Add(Vector512<int> sums, Vector512<byte> w, Vector512<sbyte> p) => sums + Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(w, p), Vector512<short>.One);

    public static Vector256<int> Whole(Vector256<int> sums) => sums;

    public static Vector512<int> Whole(Vector512<int> sums) => sums;

    public void MultiplyRows(Worker worker, QuantizedTokens tokens, int first, MatrixSpan y) => LevelRows.Run(worker, tokens, _weights, first, y);

    [MethodImpl(Compiled.AtOnce)]
    public void Pack(Worker worker, int first, int rows, Int8Panel panel)
    {
        const int bytes = QuantizedTokens.Block / 2;
        int blocksOfScale = _weights.BlockSize / QuantizedTokens.Block;
        ReadOnlySpan<float> scales = _weights.UnitScales(worker, first, rows, panel.Width);
        for (int b = 0; b < panel.Blocks; b++) scales.Slice(b / blocksOfScale * panel.Width, panel.Width).CopyTo(panel.Scales[(b * panel.Width)..]);
        Vector128<byte> table = Vector128.Create(_weights.Levels.Codes), half = Vector128.Create((byte)15);
        for (int row = 0; row < rows; row++)
        {
            ReadOnlySpan<byte> codes = _weights.CodesOf(first + row, 1);
            for (int b = 0; b < panel.Blocks; b++)
            {
                // The first of each pair is in the upper half of its byte.
                Vector128<byte> pairs = Vector128.Create(codes.Slice(b * bytes, bytes));
                (Vector128<ushort> first0, Vector128<ushort> first1) = Vector128.Widen(Vector128.Shuffle(table, pairs >>> 4));
                (Vector128<ushort> second0, Vector128<ushort> second1) = Vector128.Widen(Vector128.Shuffle(table, pairs & half));
                panel.Put(row, b, (first0 | second0 << 8).AsByte(), (first1 | second1 << 8).AsByte());
            }
        }
    }
}
