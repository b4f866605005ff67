using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

internal readonly partial struct LowThenHighHalves
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneFour<float> Add(LaneFour<int> c0, LaneFour<int> c1, LaneFour<int> c2, LaneFour<int> c3, Vector512<float> table, LaneFour<float> scales, ref float x, LaneFour<float> sums)
    {
        sums = AddFour(c0, 0, table, scales, ref x, sums);
        sums = AddFour(c1, 0, table, scales, ref Unsafe.Add(ref x, 4), sums);
        sums = AddFour(c2, 0, table, scales, ref Unsafe.Add(ref x, 8), sums);
        sums = AddFour(c3, 0, table, scales, ref Unsafe.Add(ref x, 12), sums);
        sums = AddFour(c0, 4, table, scales, ref Unsafe.Add(ref x, 16), sums);
        sums = AddFour(c1, 4, table, scales, ref Unsafe.Add(ref x, 20), sums);
        sums = AddFour(c2, 4, table, scales, ref Unsafe.Add(ref x, 24), sums);
        return AddFour(c3, 4, table, scales, ref Unsafe.Add(ref x, 28), sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneFour<float> AddTokens(Vector512<int> c0, Vector512<int> c1, Vector512<int> c2, Vector512<int> c3, Vector512<float> table, Vector512<float> scale, ref float x, TokenSteps steps, LaneFour<float> sums)
    {
        sums = AddFour(c0, 0, table, scale, ref x, steps, sums);
        sums = AddFour(c1, 0, table, scale, ref Unsafe.Add(ref x, 4), steps, sums);
        sums = AddFour(c2, 0, table, scale, ref Unsafe.Add(ref x, 8), steps, sums);
        sums = AddFour(c3, 0, table, scale, ref Unsafe.Add(ref x, 12), steps, sums);
        sums = AddFour(c0, 4, table, scale, ref Unsafe.Add(ref x, 16), steps, sums);
        sums = AddFour(c1, 4, table, scale, ref Unsafe.Add(ref x, 20), steps, sums);
        sums = AddFour(c2, 4, table, scale, ref Unsafe.Add(ref x, 24), steps, sums);
        return AddFour(c3, 4, table, scale, ref Unsafe.Add(ref x, 28), steps, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LaneFour<float> AddFour(Vector512<int> codes, int half, Vector512<float> table, Vector512<float> scale, ref float x, TokenSteps steps, LaneFour<float> sums)
    {
        sums = Levels.AddTokens(codes, half, table, scale, ref x, steps, sums);
        sums = Levels.AddTokens(codes, half + 8, table, scale, ref Unsafe.Add(ref x, 1), steps, sums);
        sums = Levels.AddTokens(codes, half + 16, table, scale, ref Unsafe.Add(ref x, 2), steps, sums);
        return Levels.AddTokens(codes, half + 24, table, scale, ref Unsafe.Add(ref x, 3), steps, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LaneFour<float> AddFour(LaneFour<int> codes, int half, Vector512<float> table, LaneFour<float> scales, ref float x, LaneFour<float> sums)
    {
        sums = Levels.Add(codes, half, table, scales, x, sums);
        sums = Levels.Add(codes, half + 8, table, scales, Unsafe.Add(ref x, 1), sums);
        sums = Levels.Add(codes, half + 16, table, scales, Unsafe.Add(ref x, 2), sums);
        return Levels.Add(codes, half + 24, table, scales, Unsafe.Add(ref x, 3), sums);
    }
}

internal readonly partial struct HighThenLowHalves
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneFour<float> Add(LaneFour<int> c0, LaneFour<int> c1, LaneFour<int> c2, LaneFour<int> c3, Vector512<float> table, LaneFour<float> scales, ref float x, LaneFour<float> sums)
    {
        sums = AddEight(c0, table, scales, ref x, sums);
        sums = AddEight(c1, table, scales, ref Unsafe.Add(ref x, 8), sums);
        sums = AddEight(c2, table, scales, ref Unsafe.Add(ref x, 16), sums);
        return AddEight(c3, table, scales, ref Unsafe.Add(ref x, 24), sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneFour<float> AddTokens(Vector512<int> c0, Vector512<int> c1, Vector512<int> c2, Vector512<int> c3, Vector512<float> table, Vector512<float> scale, ref float x, TokenSteps steps, LaneFour<float> sums)
    {
        sums = AddEight(c0, table, scale, ref x, steps, sums);
        sums = AddEight(c1, table, scale, ref Unsafe.Add(ref x, 8), steps, sums);
        sums = AddEight(c2, table, scale, ref Unsafe.Add(ref x, 16), steps, sums);
        return AddEight(c3, table, scale, ref Unsafe.Add(ref x, 24), steps, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LaneFour<float> AddEight(Vector512<int> codes, Vector512<float> table, Vector512<float> scale, ref float x, TokenSteps steps, LaneFour<float> sums)
    {
        sums = Levels.AddTokens(codes, 4, table, scale, ref x, steps, sums);
        sums = Levels.AddTokens(codes, 0, table, scale, ref Unsafe.Add(ref x, 1), steps, sums);
        sums = Levels.AddTokens(codes, 12, table, scale, ref Unsafe.Add(ref x, 2), steps, sums);
        sums = Levels.AddTokens(codes, 8, table, scale, ref Unsafe.Add(ref x, 3), steps, sums);
        sums = Levels.AddTokens(codes, 20, table, scale, ref Unsafe.Add(ref x, 4), steps, sums);
        sums = Levels.AddTokens(codes, 16, table, scale, ref Unsafe.Add(ref x, 5), steps, sums);
        sums = Levels.AddTokens(codes, 28, table, scale, ref Unsafe.Add(ref x, 6), steps, sums);
        return Levels.AddTokens(codes, 24, table, scale, ref Unsafe.Add(ref x, 7), steps, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LaneFour<float> AddEight(LaneFour<int> codes, Vector512<float> table, LaneFour<float> scales, ref float x, LaneFour<float> sums)
    {
        sums = Levels.Add(codes, 4, table, scales, x, sums);
        sums = Levels.Add(codes, 0, table, scales, Unsafe.Add(ref x, 1), sums);
        sums = Levels.Add(codes, 12, table, scales, Unsafe.Add(ref x, 2), sums);
        sums = Levels.Add(codes, 8, table, scales, Unsafe.Add(ref x, 3), sums);
        sums = Levels.Add(codes, 20, table, scales, Unsafe.Add(ref x, 4), sums);
        sums = Levels.Add(codes, 16, table, scales, Unsafe.Add(ref x, 5), sums);
        sums = Levels.Add(codes, 28, table, scales, Unsafe.Add(ref x, 6), sums);
        return Levels.Add(codes, 24, table, scales, Unsafe.Add(ref x, 7), sums);
    }
}

internal readonly partial struct SignedBytes
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneFour<float> Add(LaneFour<int> c0, LaneFour<int> c1, LaneFour<int> c2, LaneFour<int> c3, Vector512<float> table, LaneFour<float> scales, ref float x, LaneFour<float> sums)
    {
        sums = AddFour(c0, scales, ref x, sums);
        sums = AddFour(c1, scales, ref Unsafe.Add(ref x, 4), sums);
        sums = AddFour(c2, scales, ref Unsafe.Add(ref x, 8), sums);
        return AddFour(c3, scales, ref Unsafe.Add(ref x, 12), sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneFour<float> AddTokens(Vector512<int> c0, Vector512<int> c1, Vector512<int> c2, Vector512<int> c3, Vector512<float> table, Vector512<float> scale, ref float x, TokenSteps steps, LaneFour<float> sums)
    {
        sums = AddFour(c0, scale, ref x, steps, sums);
        sums = AddFour(c1, scale, ref Unsafe.Add(ref x, 4), steps, sums);
        sums = AddFour(c2, scale, ref Unsafe.Add(ref x, 8), steps, sums);
        return AddFour(c3, scale, ref Unsafe.Add(ref x, 12), steps, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LaneFour<float> AddFour(Vector512<int> bytes, Vector512<float> scale, ref float x, TokenSteps steps, LaneFour<float> sums)
    {
        sums = Levels.AddTokens(Vector512.ConvertToSingle(bytes << 24 >> 24) * scale, ref x, steps, sums);
        sums = Levels.AddTokens(Vector512.ConvertToSingle(bytes << 16 >> 24) * scale, ref Unsafe.Add(ref x, 1), steps, sums);
        sums = Levels.AddTokens(Vector512.ConvertToSingle(bytes << 8 >> 24) * scale, ref Unsafe.Add(ref x, 2), steps, sums);
        return Levels.AddTokens(Vector512.ConvertToSingle(bytes << 0 >> 24) * scale, ref Unsafe.Add(ref x, 3), steps, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LaneFour<float> AddFour(LaneFour<int> bytes, LaneFour<float> scales, ref float x, LaneFour<float> sums)
    {
        sums = AddOne(bytes, 24, scales, x, sums);
        sums = AddOne(bytes, 16, scales, Unsafe.Add(ref x, 1), sums);
        sums = AddOne(bytes, 8, scales, Unsafe.Add(ref x, 2), sums);
        return AddOne(bytes, 0, scales, Unsafe.Add(ref x, 3), sums);
    }

    /// <summary>The byte that has <paramref name="above"/> bits above it; a sign comes along from the top.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LaneFour<float> AddOne(LaneFour<int> bytes, int above, LaneFour<float> scales, float x, LaneFour<float> sums)
    {
        Vector512<float> factor = Vector512.Create(x);
        return new(
            Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(bytes.A << above >> 24) * scales.A, factor, sums.A),
            Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(bytes.B << above >> 24) * scales.B, factor, sums.B),
            Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(bytes.C << above >> 24) * scales.C, factor, sums.C),
            Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(bytes.D << above >> 24) * scales.D, factor, sums.D));
    }
}

/// <summary>Weights that are levels of a table of sixteen, times a scale.</summary>
internal static class Levels
{
    /// <summary>The sums and weight × x; the codes are four bits from a place on. A look-up reads the low four bits of an index alone.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneFour<float> Add(LaneFour<int> codes, int place, Vector512<float> table, LaneFour<float> scales, float x, LaneFour<float> sums)
    {
        Vector512<float> factor = Vector512.Create(x);
        return new(
            Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes.A >>> place) * scales.A, factor, sums.A),
            Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes.B >>> place) * scales.B, factor, sums.B),
            Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes.C >>> place) * scales.C, factor, sums.C),
            Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes.D >>> place) * scales.D, factor, sums.D));
    }

    /// <summary>The same for one register of rows and four tokens.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneFour<float> AddTokens(Vector512<int> codes, int place, Vector512<float> table, Vector512<float> scale, ref float x, TokenSteps steps, LaneFour<float> sums) =>
        AddTokens(Avx512F.PermuteVar16x32(table, codes >>> place) * scale, ref x, steps, sums);

    /// <summary>The sums and a weight × each token's x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneFour<float> AddTokens(Vector512<float> weight, ref float x, TokenSteps steps, LaneFour<float> sums) => new(
        Vector512.FusedMultiplyAdd(weight, Vector512.Create(x), sums.A),
        Vector512.FusedMultiplyAdd(weight, Vector512.Create(Unsafe.Add(ref x, steps.Second)), sums.B),
        Vector512.FusedMultiplyAdd(weight, Vector512.Create(Unsafe.Add(ref x, steps.Third)), sums.C),
        Vector512.FusedMultiplyAdd(weight, Vector512.Create(Unsafe.Add(ref x, steps.Fourth)), sums.D));
}
