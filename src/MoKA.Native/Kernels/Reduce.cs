using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// Sums with one fixed order on every instruction set: 64 virtual lanes, lane l taking elements l, l + 64, ..., folded
/// 64 to 32 to 16 to 8 to 4 to 2 to 1 by adding the upper half to the lower. Elements past the end count as zero, which
/// adds nothing, so a row padded with zeros has the same sum.
/// </summary>
internal static class Reduce
{
    private const int Lanes = 64;

    /// <summary>Σ a[i] b[i], each lane a chain of fused multiply-adds.</summary>
    public static float Dot(InstructionSet set, ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        if (a.Length != b.Length) throw new ArgumentException($"Dot: lengths must be equal, got {a.Length} and {b.Length}.");
        Span<float> lanes = stackalloc float[Lanes];
        lanes.Clear();
        int whole = a.Length / Lanes * Lanes;
        if (set == InstructionSet.Avx512) Dot512(a[..whole], b[..whole], lanes);
        else if (set == InstructionSet.Avx2) Dot256(a[..whole], b[..whole], lanes);
        else
            for (int i = 0; i < whole; i++) lanes[i % Lanes] = MathF.FusedMultiplyAdd(a[i], b[i], lanes[i % Lanes]);
        for (int i = whole; i < a.Length; i++) lanes[i - whole] = MathF.FusedMultiplyAdd(a[i], b[i], lanes[i - whole]);
        return Fold(lanes);
    }

    /// <summary>Σ a[i].</summary>
    public static float Sum(InstructionSet set, ReadOnlySpan<float> a)
    {
        Span<float> lanes = stackalloc float[Lanes];
        lanes.Clear();
        int whole = a.Length / Lanes * Lanes;
        if (set == InstructionSet.Avx512) Sum512(a[..whole], lanes);
        else if (set == InstructionSet.Avx2) Sum256(a[..whole], lanes);
        else
            for (int i = 0; i < whole; i++) lanes[i % Lanes] += a[i];
        for (int i = whole; i < a.Length; i++) lanes[i - whole] += a[i];
        return Fold(lanes);
    }

    private static float Fold(ReadOnlySpan<float> lanes)
    {
        Vector512<float> sixteen = (Vector512.Create(lanes) + Vector512.Create(lanes[32..])) + (Vector512.Create(lanes[16..]) + Vector512.Create(lanes[48..]));
        Vector256<float> eight = sixteen.GetLower() + sixteen.GetUpper();
        Vector128<float> four = eight.GetLower() + eight.GetUpper();
        return (four[0] + four[2]) + (four[1] + four[3]);
    }

    [MethodImpl(Compiled.AtOnce)]
    private static void Sum512(ReadOnlySpan<float> a, Span<float> lanes)
    {
        ref float x = ref MemoryMarshal.GetReference(a);
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        for (nuint i = 0; i < (nuint)a.Length; i += Lanes)
        {
            s0 += Vector512.LoadUnsafe(ref x, i);
            s1 += Vector512.LoadUnsafe(ref x, i + 16);
            s2 += Vector512.LoadUnsafe(ref x, i + 32);
            s3 += Vector512.LoadUnsafe(ref x, i + 48);
        }
        s0.CopyTo(lanes);
        s1.CopyTo(lanes[16..]);
        s2.CopyTo(lanes[32..]);
        s3.CopyTo(lanes[48..]);
    }

    [MethodImpl(Compiled.AtOnce)]
    private static void Sum256(ReadOnlySpan<float> a, Span<float> lanes)
    {
        ref float x = ref MemoryMarshal.GetReference(a);
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        for (nuint i = 0; i < (nuint)a.Length; i += Lanes)
        {
            s0 += Vector256.LoadUnsafe(ref x, i);
            s1 += Vector256.LoadUnsafe(ref x, i + 8);
            s2 += Vector256.LoadUnsafe(ref x, i + 16);
            s3 += Vector256.LoadUnsafe(ref x, i + 24);
            s4 += Vector256.LoadUnsafe(ref x, i + 32);
            s5 += Vector256.LoadUnsafe(ref x, i + 40);
            s6 += Vector256.LoadUnsafe(ref x, i + 48);
            s7 += Vector256.LoadUnsafe(ref x, i + 56);
        }
        s0.CopyTo(lanes);
        s1.CopyTo(lanes[8..]);
        s2.CopyTo(lanes[16..]);
        s3.CopyTo(lanes[24..]);
        s4.CopyTo(lanes[32..]);
        s5.CopyTo(lanes[40..]);
        s6.CopyTo(lanes[48..]);
        s7.CopyTo(lanes[56..]);
    }

    [MethodImpl(Compiled.AtOnce)]
    private static void Dot512(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> lanes)
    {
        ref float x = ref MemoryMarshal.GetReference(a), y = ref MemoryMarshal.GetReference(b);
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        for (nuint i = 0; i < (nuint)a.Length; i += Lanes)
        {
            s0 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref x, i), Vector512.LoadUnsafe(ref y, i), s0);
            s1 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref x, i + 16), Vector512.LoadUnsafe(ref y, i + 16), s1);
            s2 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref x, i + 32), Vector512.LoadUnsafe(ref y, i + 32), s2);
            s3 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref x, i + 48), Vector512.LoadUnsafe(ref y, i + 48), s3);
        }
        s0.CopyTo(lanes);
        s1.CopyTo(lanes[16..]);
        s2.CopyTo(lanes[32..]);
        s3.CopyTo(lanes[48..]);
    }

    [MethodImpl(Compiled.AtOnce)]
    private static void Dot256(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> lanes)
    {
        ref float x = ref MemoryMarshal.GetReference(a), y = ref MemoryMarshal.GetReference(b);
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        for (nuint i = 0; i < (nuint)a.Length; i += Lanes)
        {
            s0 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref x, i), Vector256.LoadUnsafe(ref y, i), s0);
            s1 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref x, i + 8), Vector256.LoadUnsafe(ref y, i + 8), s1);
            s2 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref x, i + 16), Vector256.LoadUnsafe(ref y, i + 16), s2);
            s3 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref x, i + 24), Vector256.LoadUnsafe(ref y, i + 24), s3);
            s4 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref x, i + 32), Vector256.LoadUnsafe(ref y, i + 32), s4);
            s5 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref x, i + 40), Vector256.LoadUnsafe(ref y, i + 40), s5);
            s6 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref x, i + 48), Vector256.LoadUnsafe(ref y, i + 48), s6);
            s7 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref x, i + 56), Vector256.LoadUnsafe(ref y, i + 56), s7);
        }
        s0.CopyTo(lanes);
        s1.CopyTo(lanes[8..]);
        s2.CopyTo(lanes[16..]);
        s3.CopyTo(lanes[24..]);
        s4.CopyTo(lanes[32..]);
        s5.CopyTo(lanes[40..]);
        s6.CopyTo(lanes[48..]);
        s7.CopyTo(lanes[56..]);
    }
}
