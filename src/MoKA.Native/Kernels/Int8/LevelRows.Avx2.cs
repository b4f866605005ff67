using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

internal static partial class LevelRows
{
    /// <summary>Eight rows of W, one in each lane of 32 bits; scales lie as [blocks of W, 8].</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void EightRows(QuantizedTokens token, RowStreams codes, IntegerLevels levels, ReadOnlySpan<float> scales, int blocksOfScale, Span<float> y)
    {
        int blocks = token.Blocks;
        // The slices prove the bounds once; the loop then reads without checks.
        ref byte w = ref MemoryMarshal.GetReference(codes.Bytes[..((Eight - 1) * codes.Stride + blocks * BytesOfBlock)]), ahead = ref codes.AheadOfFirst;
        nint stride = codes.Stride, sourceStride = codes.SourceStride;
        ref byte p = ref Unsafe.As<sbyte, byte>(ref MemoryMarshal.GetReference(token.Codes[..(blocks * QuantizedTokens.Block)]));
        ref float e = ref MemoryMarshal.GetReference(token.Scales[..blocks]);
        ref int bias = ref MemoryMarshal.GetReference(token.Biases[..blocks]);
        ref float scale = ref MemoryMarshal.GetReference(scales[..(Ceiling.OfRatio(blocks, blocksOfScale) * Eight)]);
        Vector128<byte> sixteen = Vector128.Create(levels.Codes);
        Vector256<byte> table = Vector256.Create(sixteen, sixteen);
        Vector256<float> sum = Vector256<float>.Zero;
        for (int b = 0; b < blocks; b++)
        {
            Prefetch.FourRows(ref Unsafe.Add(ref ahead, b * BytesOfBlock + (b & 1) * 4 * sourceStride), sourceStride);
            LaneColumns.LoadEight(ref w, stride, out Vector256<int> c0, out Vector256<int> c1, out Vector256<int> c2, out Vector256<int> c3);
            int line = b / BlocksOfLine * BlocksOfLine;
            ref byte first = ref Unsafe.Add(ref p, line * QuantizedTokens.Block + (b - line) * BytesOfBlock), second = ref Unsafe.Add(ref first, QuantizedTokens.HalfOfLine(token.Depth, line * QuantizedTokens.Block));
            Vector256<int> sums = Vector256.Create(Int8Levels.Start(Unsafe.Add(ref bias, b))) + Products(c0, table, ref first, ref second, 0)
                + Products(c1, table, ref first, ref second, 4) + Products(c2, table, ref first, ref second, 8) + Products(c3, table, ref first, ref second, 12);
            Vector256<float> d = Vector256.LoadUnsafe(ref Unsafe.Add(ref scale, b / blocksOfScale * Eight));
            sum = Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(sums) * d, Vector256.Create(Unsafe.Add(ref e, b)), sum);
            w = ref Unsafe.Add(ref w, BytesOfBlock);
        }
        sum.CopyTo(y);
    }

    /// <summary>In each lane four bytes, eight weights made positive, times codes of the token: the first of each pair and the second.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Products(Vector256<int> pairs, Vector256<byte> table, ref byte first, ref byte second, nint offset)
    {
        Vector256<byte> half = Vector256.Create((byte)15);
        Vector256<short> ofFirst = Avx2.MultiplyAddAdjacent(Avx2.Shuffle(table, (pairs >>> 4).AsByte() & half), Four(ref Unsafe.Add(ref first, offset)));
        Vector256<short> ofSecond = Avx2.MultiplyAddAdjacent(Avx2.Shuffle(table, pairs.AsByte() & half), Four(ref Unsafe.Add(ref second, offset)));
        return Avx2.MultiplyAddAdjacent(ofFirst, Vector256<short>.One) + Avx2.MultiplyAddAdjacent(ofSecond, Vector256<short>.One);
    }

    private static Vector256<sbyte> Four(ref byte p) => Vector256.Create(Unsafe.ReadUnaligned<int>(ref p)).AsSByte();
}
