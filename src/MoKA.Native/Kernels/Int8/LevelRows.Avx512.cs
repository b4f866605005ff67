using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

internal static partial class LevelRows
{
    /// <summary>Sixteen rows of W, one in each lane of 32 bits; scales lie as [blocks, 16].</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void SixteenRows(QuantizedTokens token, RowStreams codes, IntegerLevels levels, ReadOnlySpan<float> scales, int blocksOfScale, Span<float> y)
    {
        int blocks = token.Blocks;
        // The slices prove the bounds once; the loop then reads without checks.
        ref byte w = ref MemoryMarshal.GetReference(codes.Bytes[..((Sixteen - 1) * codes.Stride + blocks * BytesOfBlock)]), ahead = ref codes.AheadOfFirst;
        nint stride = codes.Stride, sourceStride = codes.SourceStride;
        ref byte p = ref Unsafe.As<sbyte, byte>(ref MemoryMarshal.GetReference(token.Codes[..(blocks * QuantizedTokens.Block)]));
        ref float e = ref MemoryMarshal.GetReference(token.Scales[..blocks]);
        ref int bias = ref MemoryMarshal.GetReference(token.Biases[..blocks]);
        ref float scale = ref MemoryMarshal.GetReference(scales[..(Ceiling.OfRatio(blocks, blocksOfScale) * Sixteen)]);
        Vector512<byte> high = Wide(Table(levels.High)), low = Wide(Table(levels.Low));
        Vector512<float> sum = Vector512<float>.Zero;
        for (int b = 0; b < blocks; b += blocksOfScale)
        {
            Vector512<float> d = Vector512.LoadUnsafe(ref scale);
            for (int i = 0; i < blocksOfScale; i++)
            {
                // A line is four blocks: four of the streams are asked for at each.
                Prefetch.FourRows(ref Unsafe.Add(ref ahead, (b + i & 3) * 4 * sourceStride), sourceStride);
                ahead = ref Unsafe.Add(ref ahead, BytesOfBlock);
                LaneColumns.Load(ref w, stride, out Vector512<int> c0, out Vector512<int> c1, out Vector512<int> c2, out Vector512<int> c3);
                Vector512<int> sums = Vector512.Create(Bias(bias));
                sums = Add(sums, c0, high, low, ref p);
                sums = Add(sums, c1, high, low, ref Unsafe.Add(ref p, 8));
                sums = Add(sums, c2, high, low, ref Unsafe.Add(ref p, 16));
                sums = Add(sums, c3, high, low, ref Unsafe.Add(ref p, 24));
                sum = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(sums) * d, Vector512.Create(e), sum);
                w = ref Unsafe.Add(ref w, BytesOfBlock);
                p = ref Unsafe.Add(ref p, QuantizedTokens.Block);
                e = ref Unsafe.Add(ref e, 1);
                bias = ref Unsafe.Add(ref bias, 1);
            }
            scale = ref Unsafe.Add(ref scale, Sixteen);
        }
        sum.CopyTo(y);
    }

    /// <summary>Four bytes of each row, eight codes, times the token's: the first of each pair, then the second.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Add(Vector512<int> sums, Vector512<int> pairs, Vector512<byte> high, Vector512<byte> low, ref byte p)
    {
        Vector512<byte> half = Vector512.Create((byte)15), first = (pairs >>> 4).AsByte() & half, second = pairs.AsByte() & half;
        Vector512<sbyte> ofFirst = Vector512.Create(Four(ref p, 0)).AsSByte(), ofSecond = Vector512.Create(Four(ref p, 4)).AsSByte();
        Vector512<short> highs = Avx512BW.MultiplyAddAdjacent(Avx512BW.Shuffle(high, first), ofFirst) + Avx512BW.MultiplyAddAdjacent(Avx512BW.Shuffle(high, second), ofSecond);
        Vector512<short> lows = Avx512BW.MultiplyAddAdjacent(Avx512BW.Shuffle(low, first), ofFirst) + Avx512BW.MultiplyAddAdjacent(Avx512BW.Shuffle(low, second), ofSecond);
        return sums + Avx512BW.MultiplyAddAdjacent(highs, Vector512.Create((short)IntegerLevels.HighUnit)) + Avx512BW.MultiplyAddAdjacent(lows, Vector512<short>.One);
    }

    private static Vector512<byte> Wide(Vector128<byte> table) => Vector512.Create(Vector256.Create(table, table), Vector256.Create(table, table));
}
