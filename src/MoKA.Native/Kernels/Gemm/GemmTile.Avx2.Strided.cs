using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

internal static partial class GemmTile
{
    /// <summary>6 rows of two registers: 12 sums, as in the tile of packed panels.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Avx2TallStrided(int kc, ref float a, nint s, nint bytesOfStepA, ref float b, nint bytesOfStepB, nint secondOfB, ref float c, nint row, nint secondOfC, bool load)
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
            c0b = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 0 * row + secondOfC));
            c1a = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 1 * row));
            c1b = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 1 * row + secondOfC));
            c2a = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 2 * row));
            c2b = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 2 * row + secondOfC));
            c3a = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 3 * row));
            c3b = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 3 * row + secondOfC));
            c4a = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 4 * row));
            c4b = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 4 * row + secondOfC));
            c5a = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 5 * row));
            c5b = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 5 * row + secondOfC));
        }
        nint s2 = 2 * s;
        ref float lower = ref Unsafe.Add(ref a, 3 * s);
        for (; kc != 0; kc--)
        {
            Vector256<float> ba = Vector256.LoadUnsafe(ref b);
            Vector256<float> bb = Vector256.LoadUnsafe(ref Unsafe.Add(ref b, secondOfB));
            Vector256<float> a0 = Vector256.Create(a);
            c0a = Vector256.FusedMultiplyAdd(a0, ba, c0a);
            c0b = Vector256.FusedMultiplyAdd(a0, bb, c0b);
            Vector256<float> a1 = Vector256.Create(Unsafe.Add(ref a, s));
            c1a = Vector256.FusedMultiplyAdd(a1, ba, c1a);
            c1b = Vector256.FusedMultiplyAdd(a1, bb, c1b);
            Vector256<float> a2 = Vector256.Create(Unsafe.Add(ref a, s2));
            c2a = Vector256.FusedMultiplyAdd(a2, ba, c2a);
            c2b = Vector256.FusedMultiplyAdd(a2, bb, c2b);
            Vector256<float> a3 = Vector256.Create(lower);
            c3a = Vector256.FusedMultiplyAdd(a3, ba, c3a);
            c3b = Vector256.FusedMultiplyAdd(a3, bb, c3b);
            Vector256<float> a4 = Vector256.Create(Unsafe.Add(ref lower, s));
            c4a = Vector256.FusedMultiplyAdd(a4, ba, c4a);
            c4b = Vector256.FusedMultiplyAdd(a4, bb, c4b);
            Vector256<float> a5 = Vector256.Create(Unsafe.Add(ref lower, s2));
            c5a = Vector256.FusedMultiplyAdd(a5, ba, c5a);
            c5b = Vector256.FusedMultiplyAdd(a5, bb, c5b);
            a = ref Unsafe.AddByteOffset(ref a, bytesOfStepA);
            lower = ref Unsafe.AddByteOffset(ref lower, bytesOfStepA);
            b = ref Unsafe.AddByteOffset(ref b, bytesOfStepB);
        }
        c0a.StoreUnsafe(ref Unsafe.Add(ref c, 0 * row));
        c0b.StoreUnsafe(ref Unsafe.Add(ref c, 0 * row + secondOfC));
        c1a.StoreUnsafe(ref Unsafe.Add(ref c, 1 * row));
        c1b.StoreUnsafe(ref Unsafe.Add(ref c, 1 * row + secondOfC));
        c2a.StoreUnsafe(ref Unsafe.Add(ref c, 2 * row));
        c2b.StoreUnsafe(ref Unsafe.Add(ref c, 2 * row + secondOfC));
        c3a.StoreUnsafe(ref Unsafe.Add(ref c, 3 * row));
        c3b.StoreUnsafe(ref Unsafe.Add(ref c, 3 * row + secondOfC));
        c4a.StoreUnsafe(ref Unsafe.Add(ref c, 4 * row));
        c4b.StoreUnsafe(ref Unsafe.Add(ref c, 4 * row + secondOfC));
        c5a.StoreUnsafe(ref Unsafe.Add(ref c, 5 * row));
        c5b.StoreUnsafe(ref Unsafe.Add(ref c, 5 * row + secondOfC));
    }

    /// <summary>4 rows of two registers: 8 independent chains, the least that keeps two multiply-adds a cycle busy.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Avx2ShortStrided(int kc, ref float a, nint s, nint bytesOfStepA, ref float b, nint bytesOfStepB, nint secondOfB, ref float c, nint row, nint secondOfC, bool load)
    {
        Vector256<float> c0a = default, c0b = default;
        Vector256<float> c1a = default, c1b = default;
        Vector256<float> c2a = default, c2b = default;
        Vector256<float> c3a = default, c3b = default;
        if (load)
        {
            c0a = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 0 * row));
            c0b = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 0 * row + secondOfC));
            c1a = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 1 * row));
            c1b = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 1 * row + secondOfC));
            c2a = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 2 * row));
            c2b = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 2 * row + secondOfC));
            c3a = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 3 * row));
            c3b = Vector256.LoadUnsafe(ref Unsafe.Add(ref c, 3 * row + secondOfC));
        }
        nint s2 = 2 * s, s3 = 3 * s;
        for (; kc != 0; kc--)
        {
            Vector256<float> ba = Vector256.LoadUnsafe(ref b);
            Vector256<float> bb = Vector256.LoadUnsafe(ref Unsafe.Add(ref b, secondOfB));
            Vector256<float> a0 = Vector256.Create(a);
            c0a = Vector256.FusedMultiplyAdd(a0, ba, c0a);
            c0b = Vector256.FusedMultiplyAdd(a0, bb, c0b);
            Vector256<float> a1 = Vector256.Create(Unsafe.Add(ref a, s));
            c1a = Vector256.FusedMultiplyAdd(a1, ba, c1a);
            c1b = Vector256.FusedMultiplyAdd(a1, bb, c1b);
            Vector256<float> a2 = Vector256.Create(Unsafe.Add(ref a, s2));
            c2a = Vector256.FusedMultiplyAdd(a2, ba, c2a);
            c2b = Vector256.FusedMultiplyAdd(a2, bb, c2b);
            Vector256<float> a3 = Vector256.Create(Unsafe.Add(ref a, s3));
            c3a = Vector256.FusedMultiplyAdd(a3, ba, c3a);
            c3b = Vector256.FusedMultiplyAdd(a3, bb, c3b);
            a = ref Unsafe.AddByteOffset(ref a, bytesOfStepA);
            b = ref Unsafe.AddByteOffset(ref b, bytesOfStepB);
        }
        c0a.StoreUnsafe(ref Unsafe.Add(ref c, 0 * row));
        c0b.StoreUnsafe(ref Unsafe.Add(ref c, 0 * row + secondOfC));
        c1a.StoreUnsafe(ref Unsafe.Add(ref c, 1 * row));
        c1b.StoreUnsafe(ref Unsafe.Add(ref c, 1 * row + secondOfC));
        c2a.StoreUnsafe(ref Unsafe.Add(ref c, 2 * row));
        c2b.StoreUnsafe(ref Unsafe.Add(ref c, 2 * row + secondOfC));
        c3a.StoreUnsafe(ref Unsafe.Add(ref c, 3 * row));
        c3b.StoreUnsafe(ref Unsafe.Add(ref c, 3 * row + secondOfC));
    }

    /// <summary>One row of two registers: a single vector, bound by reading B.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Avx2SingleStrided(int kc, ref float a, nint bytesOfStepA, ref float b, nint bytesOfStepB, nint secondOfB, ref float c, nint secondOfC, bool load)
    {
        Vector256<float> ca = load ? Vector256.LoadUnsafe(ref c) : default, cb = load ? Vector256.LoadUnsafe(ref Unsafe.Add(ref c, secondOfC)) : default;
        for (; kc != 0; kc--)
        {
            Vector256<float> ak = Vector256.Create(a);
            ca = Vector256.FusedMultiplyAdd(ak, Vector256.LoadUnsafe(ref b), ca);
            cb = Vector256.FusedMultiplyAdd(ak, Vector256.LoadUnsafe(ref Unsafe.Add(ref b, secondOfB)), cb);
            a = ref Unsafe.AddByteOffset(ref a, bytesOfStepA);
            b = ref Unsafe.AddByteOffset(ref b, bytesOfStepB);
        }
        ca.StoreUnsafe(ref c);
        cb.StoreUnsafe(ref Unsafe.Add(ref c, secondOfC));
    }
}
