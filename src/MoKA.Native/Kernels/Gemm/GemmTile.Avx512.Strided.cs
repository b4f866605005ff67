using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

internal static partial class GemmTile
{
    /// <summary>14 rows of two registers: 28 sums, as in the tile of packed panels.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Avx512TallStrided(int kc, ref float a, nint s, nint bytesOfStepA, ref float b, nint bytesOfStepB, nint secondOfB, ref float c, nint row, nint secondOfC, bool load)
    {
        Vector512<float> c0a = default, c0b = default;
        Vector512<float> c1a = default, c1b = default;
        Vector512<float> c2a = default, c2b = default;
        Vector512<float> c3a = default, c3b = default;
        Vector512<float> c4a = default, c4b = default;
        Vector512<float> c5a = default, c5b = default;
        Vector512<float> c6a = default, c6b = default;
        Vector512<float> c7a = default, c7b = default;
        Vector512<float> c8a = default, c8b = default;
        Vector512<float> c9a = default, c9b = default;
        Vector512<float> c10a = default, c10b = default;
        Vector512<float> c11a = default, c11b = default;
        Vector512<float> c12a = default, c12b = default;
        Vector512<float> c13a = default, c13b = default;
        if (load)
        {
            c0a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 0 * row));
            c0b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 0 * row + secondOfC));
            c1a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 1 * row));
            c1b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 1 * row + secondOfC));
            c2a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 2 * row));
            c2b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 2 * row + secondOfC));
            c3a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 3 * row));
            c3b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 3 * row + secondOfC));
            c4a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 4 * row));
            c4b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 4 * row + secondOfC));
            c5a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 5 * row));
            c5b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 5 * row + secondOfC));
            c6a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 6 * row));
            c6b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 6 * row + secondOfC));
            c7a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 7 * row));
            c7b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 7 * row + secondOfC));
            c8a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 8 * row));
            c8b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 8 * row + secondOfC));
            c9a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 9 * row));
            c9b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 9 * row + secondOfC));
            c10a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 10 * row));
            c10b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 10 * row + secondOfC));
            c11a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 11 * row));
            c11b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 11 * row + secondOfC));
            c12a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 12 * row));
            c12b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 12 * row + secondOfC));
            c13a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 13 * row));
            c13b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 13 * row + secondOfC));
        }
        // An address adds a register times 1, 2 or 4 by itself, so two distances reach five rows. Multiply-adds that read memory
        // at a single register are one instruction, at two they are two: only the first of five rows is read that way.
        (nint s1, nint s3) = (sizeof(float) * s, 3 * sizeof(float) * s);
        ref float middle = ref Unsafe.Add(ref a, 5 * s);
        ref float lower = ref Unsafe.Add(ref a, 10 * s);
        for (; kc != 0; kc--)
        {
            Vector512<float> ba = Vector512.LoadUnsafe(ref b);
            Vector512<float> bb = Vector512.LoadUnsafe(ref Unsafe.Add(ref b, secondOfB));
            c0a = Vector512.FusedMultiplyAdd(Vector512.Create(a), ba, c0a);
            c0b = Vector512.FusedMultiplyAdd(Again(ref a), bb, c0b);
            Vector512<float> a1 = Vector512.Create(Unsafe.AddByteOffset(ref a, s1));
            c1a = Vector512.FusedMultiplyAdd(a1, ba, c1a);
            c1b = Vector512.FusedMultiplyAdd(a1, bb, c1b);
            Vector512<float> a2 = Vector512.Create(Unsafe.AddByteOffset(ref a, 2 * s1));
            c2a = Vector512.FusedMultiplyAdd(a2, ba, c2a);
            c2b = Vector512.FusedMultiplyAdd(a2, bb, c2b);
            Vector512<float> a3 = Vector512.Create(Unsafe.AddByteOffset(ref a, s3));
            c3a = Vector512.FusedMultiplyAdd(a3, ba, c3a);
            c3b = Vector512.FusedMultiplyAdd(a3, bb, c3b);
            Vector512<float> a4 = Vector512.Create(Unsafe.AddByteOffset(ref a, 4 * s1));
            c4a = Vector512.FusedMultiplyAdd(a4, ba, c4a);
            c4b = Vector512.FusedMultiplyAdd(a4, bb, c4b);
            c5a = Vector512.FusedMultiplyAdd(Vector512.Create(middle), ba, c5a);
            c5b = Vector512.FusedMultiplyAdd(Again(ref middle), bb, c5b);
            Vector512<float> a6 = Vector512.Create(Unsafe.AddByteOffset(ref middle, s1));
            c6a = Vector512.FusedMultiplyAdd(a6, ba, c6a);
            c6b = Vector512.FusedMultiplyAdd(a6, bb, c6b);
            Vector512<float> a7 = Vector512.Create(Unsafe.AddByteOffset(ref middle, 2 * s1));
            c7a = Vector512.FusedMultiplyAdd(a7, ba, c7a);
            c7b = Vector512.FusedMultiplyAdd(a7, bb, c7b);
            Vector512<float> a8 = Vector512.Create(Unsafe.AddByteOffset(ref middle, s3));
            c8a = Vector512.FusedMultiplyAdd(a8, ba, c8a);
            c8b = Vector512.FusedMultiplyAdd(a8, bb, c8b);
            Vector512<float> a9 = Vector512.Create(Unsafe.AddByteOffset(ref middle, 4 * s1));
            c9a = Vector512.FusedMultiplyAdd(a9, ba, c9a);
            c9b = Vector512.FusedMultiplyAdd(a9, bb, c9b);
            c10a = Vector512.FusedMultiplyAdd(Vector512.Create(lower), ba, c10a);
            c10b = Vector512.FusedMultiplyAdd(Again(ref lower), bb, c10b);
            Vector512<float> a11 = Vector512.Create(Unsafe.AddByteOffset(ref lower, s1));
            c11a = Vector512.FusedMultiplyAdd(a11, ba, c11a);
            c11b = Vector512.FusedMultiplyAdd(a11, bb, c11b);
            Vector512<float> a12 = Vector512.Create(Unsafe.AddByteOffset(ref lower, 2 * s1));
            c12a = Vector512.FusedMultiplyAdd(a12, ba, c12a);
            c12b = Vector512.FusedMultiplyAdd(a12, bb, c12b);
            Vector512<float> a13 = Vector512.Create(Unsafe.AddByteOffset(ref lower, s3));
            c13a = Vector512.FusedMultiplyAdd(a13, ba, c13a);
            c13b = Vector512.FusedMultiplyAdd(a13, bb, c13b);
            a = ref Unsafe.AddByteOffset(ref a, bytesOfStepA);
            middle = ref Unsafe.AddByteOffset(ref middle, bytesOfStepA);
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
        c6a.StoreUnsafe(ref Unsafe.Add(ref c, 6 * row));
        c6b.StoreUnsafe(ref Unsafe.Add(ref c, 6 * row + secondOfC));
        c7a.StoreUnsafe(ref Unsafe.Add(ref c, 7 * row));
        c7b.StoreUnsafe(ref Unsafe.Add(ref c, 7 * row + secondOfC));
        c8a.StoreUnsafe(ref Unsafe.Add(ref c, 8 * row));
        c8b.StoreUnsafe(ref Unsafe.Add(ref c, 8 * row + secondOfC));
        c9a.StoreUnsafe(ref Unsafe.Add(ref c, 9 * row));
        c9b.StoreUnsafe(ref Unsafe.Add(ref c, 9 * row + secondOfC));
        c10a.StoreUnsafe(ref Unsafe.Add(ref c, 10 * row));
        c10b.StoreUnsafe(ref Unsafe.Add(ref c, 10 * row + secondOfC));
        c11a.StoreUnsafe(ref Unsafe.Add(ref c, 11 * row));
        c11b.StoreUnsafe(ref Unsafe.Add(ref c, 11 * row + secondOfC));
        c12a.StoreUnsafe(ref Unsafe.Add(ref c, 12 * row));
        c12b.StoreUnsafe(ref Unsafe.Add(ref c, 12 * row + secondOfC));
        c13a.StoreUnsafe(ref Unsafe.Add(ref c, 13 * row));
        c13b.StoreUnsafe(ref Unsafe.Add(ref c, 13 * row + secondOfC));
    }

    /// <summary>14 rows of one register, for 16 columns.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Avx512TallNarrowStrided(int kc, ref float a, nint s, nint bytesOfStepA, ref float b, nint bytesOfStepB, ref float c, nint row, bool load)
    {
        Vector512<float> c0 = default;
        Vector512<float> c1 = default;
        Vector512<float> c2 = default;
        Vector512<float> c3 = default;
        Vector512<float> c4 = default;
        Vector512<float> c5 = default;
        Vector512<float> c6 = default;
        Vector512<float> c7 = default;
        Vector512<float> c8 = default;
        Vector512<float> c9 = default;
        Vector512<float> c10 = default;
        Vector512<float> c11 = default;
        Vector512<float> c12 = default;
        Vector512<float> c13 = default;
        if (load)
        {
            c0 = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 0 * row));
            c1 = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 1 * row));
            c2 = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 2 * row));
            c3 = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 3 * row));
            c4 = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 4 * row));
            c5 = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 5 * row));
            c6 = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 6 * row));
            c7 = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 7 * row));
            c8 = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 8 * row));
            c9 = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 9 * row));
            c10 = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 10 * row));
            c11 = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 11 * row));
            c12 = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 12 * row));
            c13 = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 13 * row));
        }
        (nint s1, nint s3) = (sizeof(float) * s, 3 * sizeof(float) * s);
        ref float middle = ref Unsafe.Add(ref a, 5 * s);
        ref float lower = ref Unsafe.Add(ref a, 10 * s);
        for (; kc != 0; kc--)
        {
            Vector512<float> bk = Vector512.LoadUnsafe(ref b);
            c0 = Vector512.FusedMultiplyAdd(Vector512.Create(a), bk, c0);
            c1 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.AddByteOffset(ref a, s1)), bk, c1);
            c2 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.AddByteOffset(ref a, 2 * s1)), bk, c2);
            c3 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.AddByteOffset(ref a, s3)), bk, c3);
            c4 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.AddByteOffset(ref a, 4 * s1)), bk, c4);
            c5 = Vector512.FusedMultiplyAdd(Vector512.Create(middle), bk, c5);
            c6 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.AddByteOffset(ref middle, s1)), bk, c6);
            c7 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.AddByteOffset(ref middle, 2 * s1)), bk, c7);
            c8 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.AddByteOffset(ref middle, s3)), bk, c8);
            c9 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.AddByteOffset(ref middle, 4 * s1)), bk, c9);
            c10 = Vector512.FusedMultiplyAdd(Vector512.Create(lower), bk, c10);
            c11 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.AddByteOffset(ref lower, s1)), bk, c11);
            c12 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.AddByteOffset(ref lower, 2 * s1)), bk, c12);
            c13 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.AddByteOffset(ref lower, s3)), bk, c13);
            a = ref Unsafe.AddByteOffset(ref a, bytesOfStepA);
            middle = ref Unsafe.AddByteOffset(ref middle, bytesOfStepA);
            lower = ref Unsafe.AddByteOffset(ref lower, bytesOfStepA);
            b = ref Unsafe.AddByteOffset(ref b, bytesOfStepB);
        }
        c0.StoreUnsafe(ref Unsafe.Add(ref c, 0 * row));
        c1.StoreUnsafe(ref Unsafe.Add(ref c, 1 * row));
        c2.StoreUnsafe(ref Unsafe.Add(ref c, 2 * row));
        c3.StoreUnsafe(ref Unsafe.Add(ref c, 3 * row));
        c4.StoreUnsafe(ref Unsafe.Add(ref c, 4 * row));
        c5.StoreUnsafe(ref Unsafe.Add(ref c, 5 * row));
        c6.StoreUnsafe(ref Unsafe.Add(ref c, 6 * row));
        c7.StoreUnsafe(ref Unsafe.Add(ref c, 7 * row));
        c8.StoreUnsafe(ref Unsafe.Add(ref c, 8 * row));
        c9.StoreUnsafe(ref Unsafe.Add(ref c, 9 * row));
        c10.StoreUnsafe(ref Unsafe.Add(ref c, 10 * row));
        c11.StoreUnsafe(ref Unsafe.Add(ref c, 11 * row));
        c12.StoreUnsafe(ref Unsafe.Add(ref c, 12 * row));
        c13.StoreUnsafe(ref Unsafe.Add(ref c, 13 * row));
    }

    /// <summary>8 rows of two registers: as many sums as keep the unit busy, for two or three times 8 rows.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Avx512MiddleStrided(int kc, ref float a, nint s, nint bytesOfStepA, ref float b, nint bytesOfStepB, nint secondOfB, ref float c, nint row, nint secondOfC, bool load)
    {
        Vector512<float> c0a = default, c0b = default;
        Vector512<float> c1a = default, c1b = default;
        Vector512<float> c2a = default, c2b = default;
        Vector512<float> c3a = default, c3b = default;
        Vector512<float> c4a = default, c4b = default;
        Vector512<float> c5a = default, c5b = default;
        Vector512<float> c6a = default, c6b = default;
        Vector512<float> c7a = default, c7b = default;
        if (load)
        {
            c0a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 0 * row));
            c0b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 0 * row + secondOfC));
            c1a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 1 * row));
            c1b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 1 * row + secondOfC));
            c2a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 2 * row));
            c2b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 2 * row + secondOfC));
            c3a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 3 * row));
            c3b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 3 * row + secondOfC));
            c4a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 4 * row));
            c4b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 4 * row + secondOfC));
            c5a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 5 * row));
            c5b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 5 * row + secondOfC));
            c6a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 6 * row));
            c6b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 6 * row + secondOfC));
            c7a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 7 * row));
            c7b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 7 * row + secondOfC));
        }
        (nint s1, nint s3) = (sizeof(float) * s, 3 * sizeof(float) * s);
        ref float lower = ref Unsafe.Add(ref a, 4 * s);
        for (; kc != 0; kc--)
        {
            Vector512<float> ba = Vector512.LoadUnsafe(ref b);
            Vector512<float> bb = Vector512.LoadUnsafe(ref Unsafe.Add(ref b, secondOfB));
            c0a = Vector512.FusedMultiplyAdd(Vector512.Create(a), ba, c0a);
            c0b = Vector512.FusedMultiplyAdd(Again(ref a), bb, c0b);
            Vector512<float> a1 = Vector512.Create(Unsafe.AddByteOffset(ref a, s1));
            c1a = Vector512.FusedMultiplyAdd(a1, ba, c1a);
            c1b = Vector512.FusedMultiplyAdd(a1, bb, c1b);
            Vector512<float> a2 = Vector512.Create(Unsafe.AddByteOffset(ref a, 2 * s1));
            c2a = Vector512.FusedMultiplyAdd(a2, ba, c2a);
            c2b = Vector512.FusedMultiplyAdd(a2, bb, c2b);
            Vector512<float> a3 = Vector512.Create(Unsafe.AddByteOffset(ref a, s3));
            c3a = Vector512.FusedMultiplyAdd(a3, ba, c3a);
            c3b = Vector512.FusedMultiplyAdd(a3, bb, c3b);
            c4a = Vector512.FusedMultiplyAdd(Vector512.Create(lower), ba, c4a);
            c4b = Vector512.FusedMultiplyAdd(Again(ref lower), bb, c4b);
            Vector512<float> a5 = Vector512.Create(Unsafe.AddByteOffset(ref lower, s1));
            c5a = Vector512.FusedMultiplyAdd(a5, ba, c5a);
            c5b = Vector512.FusedMultiplyAdd(a5, bb, c5b);
            Vector512<float> a6 = Vector512.Create(Unsafe.AddByteOffset(ref lower, 2 * s1));
            c6a = Vector512.FusedMultiplyAdd(a6, ba, c6a);
            c6b = Vector512.FusedMultiplyAdd(a6, bb, c6b);
            Vector512<float> a7 = Vector512.Create(Unsafe.AddByteOffset(ref lower, s3));
            c7a = Vector512.FusedMultiplyAdd(a7, ba, c7a);
            c7b = Vector512.FusedMultiplyAdd(a7, bb, c7b);
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
        c6a.StoreUnsafe(ref Unsafe.Add(ref c, 6 * row));
        c6b.StoreUnsafe(ref Unsafe.Add(ref c, 6 * row + secondOfC));
        c7a.StoreUnsafe(ref Unsafe.Add(ref c, 7 * row));
        c7b.StoreUnsafe(ref Unsafe.Add(ref c, 7 * row + secondOfC));
    }

    /// <summary>4 rows of two registers, for the rows that a taller tile would leave empty.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Avx512ShortStrided(int kc, ref float a, nint s, nint bytesOfStepA, ref float b, nint bytesOfStepB, nint secondOfB, ref float c, nint row, nint secondOfC, bool load)
    {
        Vector512<float> c0a = default, c0b = default;
        Vector512<float> c1a = default, c1b = default;
        Vector512<float> c2a = default, c2b = default;
        Vector512<float> c3a = default, c3b = default;
        if (load)
        {
            c0a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 0 * row));
            c0b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 0 * row + secondOfC));
            c1a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 1 * row));
            c1b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 1 * row + secondOfC));
            c2a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 2 * row));
            c2b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 2 * row + secondOfC));
            c3a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 3 * row));
            c3b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 3 * row + secondOfC));
        }
        (nint s1, nint s3) = (sizeof(float) * s, 3 * sizeof(float) * s);
        for (; kc != 0; kc--)
        {
            Vector512<float> ba = Vector512.LoadUnsafe(ref b);
            Vector512<float> bb = Vector512.LoadUnsafe(ref Unsafe.Add(ref b, secondOfB));
            c0a = Vector512.FusedMultiplyAdd(Vector512.Create(a), ba, c0a);
            c0b = Vector512.FusedMultiplyAdd(Again(ref a), bb, c0b);
            Vector512<float> a1 = Vector512.Create(Unsafe.AddByteOffset(ref a, s1));
            c1a = Vector512.FusedMultiplyAdd(a1, ba, c1a);
            c1b = Vector512.FusedMultiplyAdd(a1, bb, c1b);
            Vector512<float> a2 = Vector512.Create(Unsafe.AddByteOffset(ref a, 2 * s1));
            c2a = Vector512.FusedMultiplyAdd(a2, ba, c2a);
            c2b = Vector512.FusedMultiplyAdd(a2, bb, c2b);
            Vector512<float> a3 = Vector512.Create(Unsafe.AddByteOffset(ref a, s3));
            c3a = Vector512.FusedMultiplyAdd(a3, ba, c3a);
            c3b = Vector512.FusedMultiplyAdd(a3, bb, c3b);
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
    private static void Avx512SingleStrided(int kc, ref float a, nint bytesOfStepA, ref float b, nint bytesOfStepB, nint secondOfB, ref float c, nint secondOfC, bool load)
    {
        Vector512<float> ca = load ? Vector512.LoadUnsafe(ref c) : default, cb = load ? Vector512.LoadUnsafe(ref Unsafe.Add(ref c, secondOfC)) : default;
        for (; kc != 0; kc--)
        {
            Vector512<float> ak = Vector512.Create(a);
            ca = Vector512.FusedMultiplyAdd(ak, Vector512.LoadUnsafe(ref b), ca);
            cb = Vector512.FusedMultiplyAdd(ak, Vector512.LoadUnsafe(ref Unsafe.Add(ref b, secondOfB)), cb);
            a = ref Unsafe.AddByteOffset(ref a, bytesOfStepA);
            b = ref Unsafe.AddByteOffset(ref b, bytesOfStepB);
        }
        ca.StoreUnsafe(ref c);
        cb.StoreUnsafe(ref Unsafe.Add(ref c, secondOfC));
    }
}
