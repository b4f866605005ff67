using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

internal static partial class GemmTile
{
    /// <summary>How many steps of k early a panel of A is fetched here: as many cycles as on AVX-512, of steps half as long.</summary>
    private const int Avx2StepsAhead = 64;

    /// <summary>6 rows of two registers: 12 sums, two registers of B and one broadcast of A are all but one of the 16 registers.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Avx2Tall(int kc, ref float a, ref float b, ref float c, nint row, bool load)
    {
        Vector256<float> c0a = default, c0b = default;
        Vector256<float> c1a = default, c1b = default;
        Vector256<float> c2a = default, c2b = default;
        Vector256<float> c3a = default, c3b = default;
        Vector256<float> c4a = default, c4b = default;
        Vector256<float> c5a = default, c5b = default;
        if (load)
        {
            c0a = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 0 * row));
            c0b = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 0 * row + 8));
            c1a = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 1 * row));
            c1b = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 1 * row + 8));
            c2a = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 2 * row));
            c2b = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 2 * row + 8));
            c3a = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 3 * row));
            c3b = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 3 * row + 8));
            c4a = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 4 * row));
            c4b = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 4 * row + 8));
            c5a = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 5 * row));
            c5b = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 5 * row + 8));
        }
        if ((kc & 1) != 0)
        {
            Avx2Step(ref a, ref b, ref c0a, ref c0b, ref c1a, ref c1b, ref c2a, ref c2b, ref c3a, ref c3b, ref c4a, ref c4b, ref c5a, ref c5b);
            a = ref Unsafe.Add(ref a, 6);
            b = ref Unsafe.Add(ref b, 16);
        }
        // Two steps a turn: counting takes as many instructions as a row does.
        for (kc >>= 1; kc != 0; kc--)
        {
            Prefetch(ref a, 6 * Avx2StepsAhead);
            Avx2Step(ref a, ref b, ref c0a, ref c0b, ref c1a, ref c1b, ref c2a, ref c2b, ref c3a, ref c3b, ref c4a, ref c4b, ref c5a, ref c5b);
            Avx2Step(ref Unsafe.Add(ref a, 6), ref Unsafe.Add(ref b, 16), ref c0a, ref c0b, ref c1a, ref c1b, ref c2a, ref c2b, ref c3a, ref c3b, ref c4a, ref c4b, ref c5a, ref c5b);
            a = ref Unsafe.Add(ref a, 2 * 6);
            b = ref Unsafe.Add(ref b, 2 * 16);
        }
        c0a.StoreUnsafe(ref Unsafe.Add(ref c, 0 * row));
        c0b.StoreUnsafe(ref Unsafe.Add(ref c, 0 * row + 8));
        c1a.StoreUnsafe(ref Unsafe.Add(ref c, 1 * row));
        c1b.StoreUnsafe(ref Unsafe.Add(ref c, 1 * row + 8));
        c2a.StoreUnsafe(ref Unsafe.Add(ref c, 2 * row));
        c2b.StoreUnsafe(ref Unsafe.Add(ref c, 2 * row + 8));
        c3a.StoreUnsafe(ref Unsafe.Add(ref c, 3 * row));
        c3b.StoreUnsafe(ref Unsafe.Add(ref c, 3 * row + 8));
        c4a.StoreUnsafe(ref Unsafe.Add(ref c, 4 * row));
        c4b.StoreUnsafe(ref Unsafe.Add(ref c, 4 * row + 8));
        c5a.StoreUnsafe(ref Unsafe.Add(ref c, 5 * row));
        c5b.StoreUnsafe(ref Unsafe.Add(ref c, 5 * row + 8));
    }

    /// <summary>One step of k.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Avx2Step(ref float a, ref float b, ref Vector256<float> c0a, ref Vector256<float> c0b, ref Vector256<float> c1a, ref Vector256<float> c1b, ref Vector256<float> c2a, ref Vector256<float> c2b, ref Vector256<float> c3a, ref Vector256<float> c3b, ref Vector256<float> c4a, ref Vector256<float> c4b, ref Vector256<float> c5a, ref Vector256<float> c5b)
    {
        Vector256<float> ba = Vector256.LoadUnsafe(ref b), bb = Vector256.LoadUnsafe(ref b, 8);
        Vector256<float> a0 = Vector256.Create(Unsafe.Add(ref a, 0));
        c0a = Vector256.FusedMultiplyAdd(a0, ba, c0a);
        c0b = Vector256.FusedMultiplyAdd(a0, bb, c0b);
        Vector256<float> a1 = Vector256.Create(Unsafe.Add(ref a, 1));
        c1a = Vector256.FusedMultiplyAdd(a1, ba, c1a);
        c1b = Vector256.FusedMultiplyAdd(a1, bb, c1b);
        Vector256<float> a2 = Vector256.Create(Unsafe.Add(ref a, 2));
        c2a = Vector256.FusedMultiplyAdd(a2, ba, c2a);
        c2b = Vector256.FusedMultiplyAdd(a2, bb, c2b);
        Vector256<float> a3 = Vector256.Create(Unsafe.Add(ref a, 3));
        c3a = Vector256.FusedMultiplyAdd(a3, ba, c3a);
        c3b = Vector256.FusedMultiplyAdd(a3, bb, c3b);
        Vector256<float> a4 = Vector256.Create(Unsafe.Add(ref a, 4));
        c4a = Vector256.FusedMultiplyAdd(a4, ba, c4a);
        c4b = Vector256.FusedMultiplyAdd(a4, bb, c4b);
        Vector256<float> a5 = Vector256.Create(Unsafe.Add(ref a, 5));
        c5a = Vector256.FusedMultiplyAdd(a5, ba, c5a);
        c5b = Vector256.FusedMultiplyAdd(a5, bb, c5b);
    }
}
