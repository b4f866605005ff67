using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

/// <summary>
/// Rows of W in NF4 or FP4, L their levels as whole numbers (<see cref="IntegerLevels"/>). Two products fit 16 bits, not more; so
/// the sums of a lane have 32.
/// </summary>
internal readonly ref struct Int8Levels(CodebookRows weights) : IInt8Weights
{
    private const int BiasesOfCentre = 8;

    private readonly CodebookRows _weights = weights;

    public static int Groups => QuantizedTokens.Block / Int8Panel.StepsOfGroup;

    public static bool HasMinimum => false;

    /// <summary>An eighth of what the levels are centred by: biases have 16 bits.</summary>
    public static int Centre => IntegerLevels.Centre / BiasesOfCentre;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Weight(byte code) => code - IntegerLevels.Centre;

    public static TokenOrder OrderForRows => TokenOrder.LinesDealt;

    public static TokenOrder OrderForPanels => TokenOrder.EightsDealt;

    /// <summary>-64 Σ p from a block's bias, which is -8 Σ p in two halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Start(int bias) => BiasesOfCentre * ((short)bias + (bias >> 16));

    /// <summary>Every token reads the rows for itself.</summary>
    public static int FewTokens(InstructionSet set) => set == InstructionSet.Avx512 ? 5 : 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TIntegers Add<TIntegers, TFloats>(TIntegers sums, TIntegers w, TIntegers p)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats> => TIntegers.AddWide(sums, w, p);

    public static TIntegers Whole<TIntegers, TFloats>(TIntegers sums)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats> => sums;

    public void MultiplyRows(Worker worker, QuantizedTokens tokens, int first, MatrixSpan y) => LevelRows.Run(worker, tokens, _weights, first, y);

    [MethodImpl(Compiled.AtOnce)]
    public void Pack(Worker worker, int first, int rows, Int8Panel panel)
    {
        const int bytes = QuantizedTokens.Block / 2;
        int blocksOfScale = _weights.BlockSize / QuantizedTokens.Block;
        ReadOnlySpan<float> scales = _weights.UnitScales(worker, first, rows, panel.Width);
        for (int b = 0; b < panel.Blocks; b++) scales.Slice(b / blocksOfScale * panel.Width, panel.Width).CopyTo(panel.Scales[(b * panel.Width)..]);
        int stride = panel.Blocks * bytes, row = 0;
        ReadOnlySpan<byte> codes = _weights.CodesOf(first, rows);
        Vector128<byte> table = Vector128.Create(_weights.Levels.Codes), half = Vector128.Create((byte)15);
        // Four bytes are eight weights: the first of each pair, in the upper halves, make a group, the second the next.
        if (worker.InstructionSet >= InstructionSet.Avx2)
            for (; row + RowStreams.Eight <= rows; row += RowStreams.Eight)
                for (int b = 0; b < panel.Blocks; b++)
                {
                    ref byte block = ref MemoryMarshal.GetReference(codes[(row * stride + b * bytes)..]);
                    LaneColumns.LoadEight(ref block, stride, out Vector256<int> c0, out Vector256<int> c1, out Vector256<int> c2, out Vector256<int> c3);
                    Put(panel, b, 0, row, c0, table);
                    Put(panel, b, 2, row, c1, table);
                    Put(panel, b, 4, row, c2, table);
                    Put(panel, b, 6, row, c3, table);
                }
        for (; row < rows; row++)
            for (int b = 0; b < panel.Blocks; b++)
            {
                Vector128<byte> pairs = Vector128.Create(codes.Slice(row * stride + b * bytes, bytes));
                Vector128<uint> firsts = Vector128.Shuffle(table, pairs >>> 4).AsUInt32(), seconds = Vector128.Shuffle(table, pairs & half).AsUInt32();
                for (int i = 0; i < Vector128<uint>.Count; i++)
                {
                    panel.Put(b, 2 * i, row, firsts[i]);
                    panel.Put(b, 2 * i + 1, row, seconds[i]);
                }
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Int8Panel panel, int block, int group, int row, Vector256<int> pairs, Vector128<byte> table)
    {
        Vector256<byte> both = Vector256.Create(table, table), half = Vector256.Create((byte)15);
        panel.Put(block, group, row, Avx2.Shuffle(both, (pairs >>> 4).AsByte() & half));
        panel.Put(block, group + 1, row, Avx2.Shuffle(both, pairs.AsByte() & half));
    }
}
