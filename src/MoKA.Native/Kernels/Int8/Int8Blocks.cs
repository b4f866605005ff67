using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// Rows of W in ggml's blocks, L = q - centre. Where two sums of 16 bits hold the products of a block, a lane has those, which start
/// from the token's bias and so are sums of L p, whatever part of the block is done; else one of 32 bits. Codes of 8 bits are signed,
/// so their magnitudes are multiplied, and the token's codes take the sign.
/// </summary>
internal readonly ref struct Int8Blocks<TBlock>(ReadOnlySpan<byte> weights) : IInt8Weights where TBlock : struct, IBlockInLanes
{
    private const int GroupsOfRun = BlockLanes.Run / Int8Panel.StepsOfGroup, LargestOfToken = 127;

    private readonly ReadOnlySpan<byte> _weights = weights;

    public static int Groups => TBlock.RunsOfScale * GroupsOfRun;

    public static bool HasMinimum => TBlock.HasMinimum;

    public static int Centre => TBlock.Centre;

    public static TokenOrder OrderForRows => TokenOrder.Natural;

    public static TokenOrder OrderForPanels => TokenOrder.Natural;

    private static bool Signed => TBlock.Bits == 8;

    /// <summary>Whether sums of half of a block's products stay within 16 bits, whatever part of them is done.</summary>
    private static bool Short
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => !Signed && (HasMinimum ? (1 << TBlock.Bits) - 1 : TBlock.Centre) * LargestOfToken * 2 * Groups <= short.MaxValue;
    }

    /// <summary>Tokens share the decoding of rows as they share a panel, so fewer than two whole tiles need none.</summary>
    public static int FewTokens(InstructionSet set) => 2 * Int8Tile.Height(set, int.MaxValue) - 1;

    public static int Weight(byte code) => Signed ? (sbyte)code : code - TBlock.Centre;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Start(int bias) => Short ? bias : (short)bias + (bias >> 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TIntegers Add<TIntegers, TFloats>(TIntegers sums, TIntegers w, TIntegers p)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats>
    {
        if (Short) return TIntegers.AddShort(sums, w, p);
        return Signed ? TIntegers.AddWide(sums, TIntegers.Magnitudes(w), TIntegers.WithSigns(p, w)) : TIntegers.AddWide(sums, w, p);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TIntegers Whole<TIntegers, TFloats>(TIntegers sums)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats> => Short ? TIntegers.Join(sums) : sums;

    public void MultiplyRows(Worker worker, QuantizedTokens tokens, int first, MatrixSpan y)
    {
        int bytesOfRow = tokens.Depth / TBlock.Weights * TBlock.Bytes;
        Int8Lanes.Run<TBlock>(worker, tokens, _weights.Slice(first * bytesOfRow, y.Columns * bytesOfRow), y);
    }

    public void Pack(Worker worker, int first, int rows, Int8Panel panel)
    {
        if (panel.Blocks == 0) return;
        int bytesOfRow = panel.Blocks * Groups * Int8Panel.StepsOfGroup / TBlock.Weights * TBlock.Bytes, row = 0;
        ReadOnlySpan<byte> weights = _weights[(first * bytesOfRow)..];
        if (worker.InstructionSet == InstructionSet.Avx512) Pack<SixteenIntegers, SixteenLanes>(weights, bytesOfRow, rows, ref row, panel);
        if (worker.InstructionSet >= InstructionSet.Avx2) Pack<EightIntegers, EightLanes>(weights, bytesOfRow, rows, ref row, panel);
        Pack<OneInteger, OneLane>(weights, bytesOfRow, rows, ref row, panel);
    }

    /// <summary>As many whole registers of rows as there are; those that come next are asked for on the way.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Pack<TIntegers, TFloats>(ReadOnlySpan<byte> weights, int bytesOfRow, int rows, ref int row, Int8Panel panel)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats>
    {
        int width = panel.Width, runs = TBlock.Weights / BlockLanes.Run, scalesOfBlock = runs / TBlock.RunsOfScale * width;
        for (; row + TFloats.Count <= rows; row += TFloats.Count)
        {
            // The slices prove the bounds once; the loop reads and writes without checks.
            ref byte block = ref MemoryMarshal.GetReference(weights.Slice(row * bytesOfRow, TFloats.Count * bytesOfRow));
            ReadOnlySpan<byte> next = weights[((row + TFloats.Count) * bytesOfRow)..];
            ref uint codes = ref MemoryMarshal.GetReference(panel.Codes[row..]);
            ref float scales = ref MemoryMarshal.GetReference(panel.Scales[row..]), minima = ref MemoryMarshal.GetReference(HasMinimum ? panel.Minima[row..] : panel.Minima);
            for (int at = 0; at < bytesOfRow; at += TBlock.Bytes)
            {
                Prefetch.Next(ref next, TFloats.Count * TBlock.Bytes);
                TBlock.Scales<TIntegers, TFloats>(ref block, bytesOfRow, ref scales, ref minima, width);
                TBlock.Codes<TIntegers, TFloats, CodesInMemory<TIntegers, TFloats>>(ref block, bytesOfRow, new(ref Unsafe.As<uint, TIntegers>(ref codes), width / TFloats.Count));
                codes = ref Unsafe.Add(ref codes, TBlock.Weights / Int8Panel.StepsOfGroup * width);
                block = ref Unsafe.Add(ref block, TBlock.Bytes);
                scales = ref Unsafe.Add(ref scales, scalesOfBlock);
                minima = ref Unsafe.Add(ref minima, HasMinimum ? scalesOfBlock : 0);
            }
        }
    }
}
