using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// Rows of W in Q4_0, L = q - 8. A lane has two sums of 16 bits, which start from the token's bias and so are sums of L p:
/// whatever part of a block is done, they stay within 16 × 8 × 127.
/// </summary>
internal readonly ref struct Int8Codes(ReadOnlySpan<byte> weights) : IInt8Rows
{
    private const uint LowHalves = 0x0F0F0F0F;

    private const int HalfOfGroups = QuantizedTokens.Block / Int8Panel.StepsOfGroup / 2;

    private readonly ReadOnlySpan<byte> _weights = weights;

    public static int Groups => 2 * HalfOfGroups;

    public static bool HasMinimum => false;

    public static int Centre => Q4_0.Centre;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Weight(byte code) => code - Q4_0.Centre;

    public static TokenOrder OrderForRows => TokenOrder.Natural;

    public static TokenOrder OrderForPanels => TokenOrder.Natural;

    public static int Start(int bias) => bias;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sums, Vector256<byte> w, Vector256<sbyte> p) => Int8Sums.AddShort(sums, w, p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Add(Vector512<int> sums, Vector512<byte> w, Vector512<sbyte> p) => Int8Sums.AddShort(sums, w, p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Whole(Vector256<int> sums) => Int8Sums.Join(sums);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Whole(Vector512<int> sums) => Int8Sums.Join(sums);

    public void MultiplyRows(Worker worker, QuantizedTokens tokens, int first, MatrixSpan y)
    {
        int bytesOfRow = tokens.Blocks * Q4_0.Bytes;
        Int8Rows.Run(worker.InstructionSet, tokens, _weights.Slice(first * bytesOfRow, y.Columns * bytesOfRow), y);
    }

    [MethodImpl(Compiled.AtOnce)]
    public void Pack(Worker worker, int first, int rows, Int8Panel panel)
    {
        int stride = panel.Blocks * Q4_0.Bytes, row = 0;
        ReadOnlySpan<byte> weights = _weights.Slice(first * stride, rows * stride);
        // The low halves of a block's 16 bytes are steps 0 .. 15, the high halves steps 16 .. 31.
        if (worker.InstructionSet >= InstructionSet.Avx2)
            for (; row + RowStreams.Eight <= rows; row += RowStreams.Eight)
                for (int b = 0; b < panel.Blocks; b++)
                {
                    ref byte block = ref MemoryMarshal.GetReference(weights[(row * stride + b * Q4_0.Bytes)..]);
                    LaneColumns.EightHalves(ref block, stride).CopyTo(panel.Scales[(b * panel.Width + row)..]);
                    LaneColumns.LoadEight(ref Unsafe.Add(ref block, sizeof(ushort)), stride, out Vector256<int> c0, out Vector256<int> c1, out Vector256<int> c2, out Vector256<int> c3);
                    Put(panel, b, 0, row, c0);
                    Put(panel, b, 1, row, c1);
                    Put(panel, b, 2, row, c2);
                    Put(panel, b, 3, row, c3);
                }
        for (; row < rows; row++)
            for (int b = 0; b < panel.Blocks; b++)
            {
                ReadOnlySpan<byte> block = weights.Slice(row * stride + b * Q4_0.Bytes, Q4_0.Bytes);
                panel.Scales[b * panel.Width + row] = (float)MemoryMarshal.Read<Half>(block);
                for (int g = 0; g < HalfOfGroups; g++)
                {
                    uint pairs = MemoryMarshal.Read<uint>(block[(sizeof(ushort) + g * Int8Panel.StepsOfGroup)..]);
                    panel.Put(b, g, row, pairs & LowHalves);
                    panel.Put(b, g + HalfOfGroups, row, pairs >> 4 & LowHalves);
                }
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Int8Panel panel, int block, int group, int row, Vector256<int> pairs)
    {
        Vector256<int> half = Vector256.Create((int)LowHalves);
        panel.Put(block, group, row, (pairs & half).AsByte());
        panel.Put(block, group + HalfOfGroups, row, (pairs >>> 4 & half).AsByte());
    }
}
