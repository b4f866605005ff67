using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

internal static partial class LevelRows
{
    /// <summary>Eight rows of W, one in each lane of 32 bits; scales lie as [blocks, 8].</summary>
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
        Vector256<byte> high = Vector256.Create(Table(levels.High), Table(levels.High)), low = Vector256.Create(Table(levels.Low), Table(levels.Low));
        Vector256<float> sum = Vector256<float>.Zero;
        for (int b = 0; b < blocks; b++)
        {
            Prefetch.FourRows(ref Unsafe.Add(ref ahead, b * BytesOfBlock + (b & 1) * 4 * sourceStride), sourceStride);
            LaneColumns.LoadEight(ref w, stride, out Vector256<int> c0, out Vector256<int> c1, out Vector256<int> c2, out Vector256<int> c3);
            Vector256<int> sums = Vector256.Create(Bias(Unsafe.Add(ref bias, b)));
            sums = Add(sums, c0, high, low, ref p);
            sums = Add(sums, c1, high, low, ref Unsafe.Add(ref p, 8));
            sums = Add(sums, c2, high, low, ref Unsafe.Add(ref p, 16));
            sums = Add(sums, c3, high, low, ref Unsafe.Add(ref p, 24));
            Vector256<float> d = Vector256.LoadUnsafe(ref Unsafe.Add(ref scale, b / blocksOfScale * Eight));
            sum = Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(sums) * d, Vector256.Create(Unsafe.Add(ref e, b)), sum);
            w = ref Unsafe.Add(ref w, BytesOfBlock);
            p = ref Unsafe.Add(ref p, QuantizedTokens.Block);
        }
        sum.CopyTo(y);
    }

    /// <summary>Four bytes of each row, eight codes, times the token's: the first of each pair, then the second.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Add(Vector256<int> sums, Vector256<int> pairs, Vector256<byte> high, Vector256<byte> low, ref byte p)
    {
        Vector256<byte> half = Vector256.Create((byte)15), first = (pairs >>> 4).AsByte() & half, second = pairs.AsByte() & half;
        Vector256<sbyte> ofFirst = Vector256.Create(Four(ref p, 0)).AsSByte(), ofSecond = Vector256.Create(Four(ref p, 4)).AsSByte();
        Vector256<short> highs = Avx2.MultiplyAddAdjacent(Avx2.Shuffle(high, first), ofFirst) + Avx2.MultiplyAddAdjacent(Avx2.Shuffle(high, second), ofSecond);
        Vector256<short> lows = Avx2.MultiplyAddAdjacent(Avx2.Shuffle(low, first), ofFirst) + Avx2.MultiplyAddAdjacent(Avx2.Shuffle(low, second), ofSecond);
        return sums + Avx2.MultiplyAddAdjacent(highs, Vector256.Create((short)IntegerLevels.HighUnit)) + Avx2.MultiplyAddAdjacent(lows, Vector256<short>.One);
    }
}
