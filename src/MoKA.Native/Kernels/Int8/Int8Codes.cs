using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

/// <summary>
/// Rows of W in Q4_0, L = q - 8. A lane has two sums of 16 bits, which start from the token's bias and so are sums of L p:
/// whatever part of a block is done, they stay within 16 × 8 × 127.
/// </summary>
internal readonly ref struct Int8Codes(ReadOnlySpan<byte> weights) : IInt8Weights
{
    private readonly ReadOnlySpan<byte> _weights = weights;

    public static int Centre => 8;

    public static bool DealsPairs => false;

    public static int Start(int bias) => bias;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sums, Vector256<byte> w, Vector256<sbyte> p) => (sums.AsInt16() + Avx2.MultiplyAddAdjacent(w, p)).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Add(Vector512<int> sums, Vector512<byte> w, Vector512<sbyte> p) => (sums.AsInt16() + Avx512BW.MultiplyAddAdjacent(w, p)).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Whole(Vector256<int> sums) => Avx2.MultiplyAddAdjacent(sums.AsInt16(), Vector256<short>.One);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Whole(Vector512<int> sums) => Avx512BW.MultiplyAddAdjacent(sums.AsInt16(), Vector512<short>.One);

    public void MultiplyRows(Worker worker, QuantizedTokens tokens, int first, MatrixSpan y)
    {
        int bytesOfRow = tokens.Blocks * Q4_0.Bytes;
        Int8Rows.Run(worker.InstructionSet, tokens, _weights.Slice(first * bytesOfRow, y.Columns * bytesOfRow), y);
    }

    [MethodImpl(Compiled.AtOnce)]
    public void Pack(Worker worker, int first, int rows, Int8Panel panel)
    {
        int bytesOfRow = panel.Blocks * Q4_0.Bytes;
        for (int row = 0; row < rows; row++)
            for (int b = 0; b < panel.Blocks; b++)
            {
                ReadOnlySpan<byte> block = _weights.Slice((first + row) * bytesOfRow + b * Q4_0.Bytes, Q4_0.Bytes);
                panel.Scales[b * panel.Width + row] = (float)MemoryMarshal.Read<Half>(block);
                // The low halves of the 16 bytes are steps 0 .. 15, the high halves steps 16 .. 31.
                Vector128<byte> pairs = Vector128.Create(block[(Q4_0.Bytes - Vector128<byte>.Count)..]), half = Vector128.Create((byte)15);
                panel.Put(row, b, pairs & half, pairs >>> 4 & half);
            }
    }
}
