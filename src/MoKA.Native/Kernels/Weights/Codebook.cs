using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

/// <summary>
/// Sixteen levels in [-1, 1] that 4-bit codes stand for; a weight is its level times its block's largest magnitude. Two
/// codes a byte, the first in the high half.
/// </summary>
internal sealed class Codebook
{
    /// <summary>Below this a block's largest magnitude counts as this when it divides, so that zeros stay zeros.</summary>
    private const float SmallestMagnitude = 1e-38f;

    /// <summary>
    /// NF4: quantiles of the normal distribution, scaled to [-1, 1], eight positive, seven negative and zero (QLoRA, arXiv
    /// 2305.14314, appendix E); the numbers are those of bitsandbytes.
    /// </summary>
    public static readonly Codebook Nf4 = new(
        -1f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0f,
        0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1f);

    /// <summary>FP4 of bitsandbytes: a sign bit over twelfths of 0, 1/16, 8, 12, 4, 6, 2, 3.</summary>
    public static readonly Codebook Fp4 = new(
        0f, 0.0625f / 12, 8f / 12, 1f, 4f / 12, 6f / 12, 2f / 12, 3f / 12,
        -0f, -0.0625f / 12, -8f / 12, -1f, -4f / 12, -6f / 12, -2f / 12, -3f / 12);

    private readonly float[] _levels;
    private readonly int[] _codes = [.. Enumerable.Range(0, 16)];
    private readonly float[] _boundaries = new float[15];

    private Codebook(params float[] levels)
    {
        _levels = levels;
        Integers = new IntegerLevels(levels);
        // Ascending, -0 before 0; between two neighbours lies the boundary of their codes.
        Array.Sort(_codes, (a, b) => _levels[a] != _levels[b] ? _levels[a].CompareTo(_levels[b]) : b.CompareTo(a));
        for (int i = 0; i < 15; i++) _boundaries[i] = (_levels[_codes[i]] + _levels[_codes[i + 1]]) / 2;
    }

    /// <summary>The same levels as whole numbers.</summary>
    public IntegerLevels Integers { get; }

    /// <summary>The level of each code [16].</summary>
    public ReadOnlySpan<float> Levels => _levels;

    /// <summary>
    /// Quantises a block, which begins with a new byte, and gives its largest magnitude. The nearest level of
    /// x (1 / magnitude), the lower one on a tie; zero is the level 0 of positive sign.
    /// </summary>
    [MethodImpl(Compiled.AtOnce)]
    public float Quantize(ReadOnlySpan<float> weights, Span<byte> codes)
    {
        float largest = 0;
        foreach (float x in weights) largest = MathF.Max(largest, MathF.Abs(x));
        float inverse = 1 / MathF.Max(largest, SmallestMagnitude);
        for (int i = 0; i < weights.Length; i += 2)
            codes[i / 2] = (byte)(Code(weights[i] * inverse) << 4 | (i + 1 < weights.Length ? Code(weights[i + 1] * inverse) : 0));
        return largest;
    }

    /// <summary>Writes level × scale of the codes from number <paramref name="first"/> on.</summary>
    [MethodImpl(Compiled.AtOnce)]
    public void Dequantize(ReadOnlySpan<byte> codes, int first, float scale, Span<float> weights)
    {
        int i = 0;
        if (first % 2 == 1 && weights.Length > 0) weights[i++] = _levels[codes[first / 2] & 15] * scale;
        int whole = (weights.Length - i) / 16 * 16;
        if (Avx2.IsSupported && whole > 0)
        {
            // The slices prove the bounds once, eight bytes for 16 codes; the loops then read and write without checks.
            ref byte from = ref MemoryMarshal.GetReference(codes.Slice((first + i) / 2, whole / 2));
            ref float to = ref MemoryMarshal.GetReference(weights.Slice(i, whole));
            if (Avx512F.IsSupported) DequantizeAvx512(ref from, scale, ref to, whole);
            else DequantizeAvx2(ref from, scale, ref to, whole);
            i += whole;
        }
        for (; i < weights.Length; i++)
        {
            byte pair = codes[(first + i) / 2];
            weights[i] = _levels[(first + i) % 2 == 0 ? pair >> 4 : pair & 15] * scale;
        }
    }

    /// <summary>Whether <see cref="DequantizePieces"/> can write such pieces: registers of codes that begin with a new byte.</summary>
    public static bool TakesPieces(int first, int count) => Avx2.IsSupported && first % 2 == 0 && count > 0 && count % 16 == 0;

    /// <summary>
    /// The same for a piece of each of some rows, each with its scale: codes lie <paramref name="apart"/> bytes from row to row,
    /// weights <paramref name="stride"/> floats.
    /// </summary>
    [MethodImpl(Compiled.AtOnce)]
    public void DequantizePieces(ReadOnlySpan<byte> codes, int apart, ReadOnlySpan<float> scales, int count, Span<float> weights, int stride)
    {
        // The slices prove the bounds once; the loop then reads and writes without checks.
        ref byte from = ref MemoryMarshal.GetReference(codes[..((scales.Length - 1) * apart + count / 2)]);
        ref float to = ref MemoryMarshal.GetReference(weights[..((scales.Length - 1) * stride + count)]);
        foreach (float scale in scales)
        {
            Prefetch.RowAhead(ref from, apart);
            if (Avx512F.IsSupported) DequantizeAvx512(ref from, scale, ref to, count);
            else DequantizeAvx2(ref from, scale, ref to, count);
            from = ref Unsafe.Add(ref from, apart);
            to = ref Unsafe.Add(ref to, stride);
        }
    }

    /// <summary>Sixteen codes at a time, each by one look at the whole table.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void DequantizeAvx512(ref byte codes, float scale, ref float weights, int count)
    {
        Vector512<float> levels = Vector512.Create(_levels);
        Vector512<uint> places = Vector512.Create(4u, 0, 12, 8, 20, 16, 28, 24, 4, 0, 12, 8, 20, 16, 28, 24);
        for (int i = 0; i < count; i += 16)
        {
            Vector512<int> packed = Avx512F.InsertVector256(FourBytes(ref codes, i / 2).ToVector512Unsafe(), FourBytes(ref codes, i / 2 + 4), 1);
            (Avx512F.PermuteVar16x32(levels, Avx512F.ShiftRightLogicalVariable(packed, places)) * scale).StoreUnsafe(ref weights, (nuint)i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void DequantizeAvx2(ref byte codes, float scale, ref float weights, int count)
    {
        Vector256<float> low = Vector256.Create(_levels), high = Vector256.Create(_levels, 8);
        for (int i = 0; i < count; i += 8) (Look(Spread(FourBytes(ref codes, i / 2)), low, high) * scale).StoreUnsafe(ref weights, (nuint)i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> FourBytes(ref byte codes, int at) => Vector256.Create(Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref codes, at)));

    /// <summary>Four bytes to their eight codes, one in the low bits of each integer; what lies above them is ignored.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Spread(Vector256<int> packed) => Avx2.ShiftRightLogicalVariable(packed, Vector256.Create(4u, 0, 12, 8, 20, 16, 28, 24));

    /// <summary>The level of each code: the low three bits choose in both halves of the table, the fourth between them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Look(Vector256<int> codes, Vector256<float> low, Vector256<float> high) =>
        Avx.BlendVariable(Avx2.PermuteVar8x32(low, codes), Avx2.PermuteVar8x32(high, codes), (codes << 28).AsSingle());

    private int Code(float x)
    {
        if (x == 0) return Array.IndexOf(_levels, 0f);
        int above = 0;
        foreach (float boundary in _boundaries) above += x > boundary ? 1 : 0;
        return _codes[above];
    }
}
