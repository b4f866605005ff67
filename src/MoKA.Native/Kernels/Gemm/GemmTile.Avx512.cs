using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

internal static partial class GemmTile
{
    /// <summary>How many steps of k early a panel of A is fetched: some 450 cycles, more than a third-level cache takes.</summary>
    private const int StepsAhead = 32;

    /// <summary>The same of a panel of B, which comes from the second-level cache; the processor fetches every other line by itself.</summary>
    private const int StepsAheadOfB = 8;

    /// <summary>
    /// 14 rows of two registers: 28 sums, two registers of B and one broadcast of A are all but one of the 32 registers. Of every
    /// other row the multiply-adds read A themselves; if all did, there would be more reads than the cycles have room for.
    /// </summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Avx512Tall(int kc, ref float a, ref float b, ref float c, nint row, bool load)
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
            c0b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 0 * row + 16));
            c1a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 1 * row));
            c1b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 1 * row + 16));
            c2a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 2 * row));
            c2b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 2 * row + 16));
            c3a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 3 * row));
            c3b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 3 * row + 16));
            c4a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 4 * row));
            c4b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 4 * row + 16));
            c5a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 5 * row));
            c5b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 5 * row + 16));
            c6a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 6 * row));
            c6b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 6 * row + 16));
            c7a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 7 * row));
            c7b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 7 * row + 16));
            c8a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 8 * row));
            c8b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 8 * row + 16));
            c9a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 9 * row));
            c9b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 9 * row + 16));
            c10a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 10 * row));
            c10b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 10 * row + 16));
            c11a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 11 * row));
            c11b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 11 * row + 16));
            c12a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 12 * row));
            c12b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 12 * row + 16));
            c13a = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 13 * row));
            c13b = Vector512.LoadUnsafe(ref Unsafe.Add(ref c, 13 * row + 16));
        }
        for (; kc != 0; kc--)
        {
            // The processor's own prefetching stops at each page of 4 KB, 73 steps of this panel.
            Prefetch(ref a, 14 * StepsAhead);
            Prefetch(ref b, 32 * StepsAheadOfB);
            Vector512<float> ba = Vector512.LoadUnsafe(ref b);
            Vector512<float> bb = Vector512.LoadUnsafe(ref b, 16);
            Vector512<float> a0 = Vector512.Create(a);
            c0a = Vector512.FusedMultiplyAdd(a0, ba, c0a);
            c0b = Vector512.FusedMultiplyAdd(a0, bb, c0b);
            c1a = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref a, 1)), ba, c1a);
            c1b = Vector512.FusedMultiplyAdd(Again(ref Unsafe.Add(ref a, 1)), bb, c1b);
            Vector512<float> a2 = Vector512.Create(Unsafe.Add(ref a, 2));
            c2a = Vector512.FusedMultiplyAdd(a2, ba, c2a);
            c2b = Vector512.FusedMultiplyAdd(a2, bb, c2b);
            c3a = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref a, 3)), ba, c3a);
            c3b = Vector512.FusedMultiplyAdd(Again(ref Unsafe.Add(ref a, 3)), bb, c3b);
            Vector512<float> a4 = Vector512.Create(Unsafe.Add(ref a, 4));
            c4a = Vector512.FusedMultiplyAdd(a4, ba, c4a);
            c4b = Vector512.FusedMultiplyAdd(a4, bb, c4b);
            c5a = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref a, 5)), ba, c5a);
            c5b = Vector512.FusedMultiplyAdd(Again(ref Unsafe.Add(ref a, 5)), bb, c5b);
            Vector512<float> a6 = Vector512.Create(Unsafe.Add(ref a, 6));
            c6a = Vector512.FusedMultiplyAdd(a6, ba, c6a);
            c6b = Vector512.FusedMultiplyAdd(a6, bb, c6b);
            c7a = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref a, 7)), ba, c7a);
            c7b = Vector512.FusedMultiplyAdd(Again(ref Unsafe.Add(ref a, 7)), bb, c7b);
            Vector512<float> a8 = Vector512.Create(Unsafe.Add(ref a, 8));
            c8a = Vector512.FusedMultiplyAdd(a8, ba, c8a);
            c8b = Vector512.FusedMultiplyAdd(a8, bb, c8b);
            c9a = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref a, 9)), ba, c9a);
            c9b = Vector512.FusedMultiplyAdd(Again(ref Unsafe.Add(ref a, 9)), bb, c9b);
            Vector512<float> a10 = Vector512.Create(Unsafe.Add(ref a, 10));
            c10a = Vector512.FusedMultiplyAdd(a10, ba, c10a);
            c10b = Vector512.FusedMultiplyAdd(a10, bb, c10b);
            c11a = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref a, 11)), ba, c11a);
            c11b = Vector512.FusedMultiplyAdd(Again(ref Unsafe.Add(ref a, 11)), bb, c11b);
            Vector512<float> a12 = Vector512.Create(Unsafe.Add(ref a, 12));
            c12a = Vector512.FusedMultiplyAdd(a12, ba, c12a);
            c12b = Vector512.FusedMultiplyAdd(a12, bb, c12b);
            c13a = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref a, 13)), ba, c13a);
            c13b = Vector512.FusedMultiplyAdd(Again(ref Unsafe.Add(ref a, 13)), bb, c13b);
            a = ref Unsafe.Add(ref a, 14);
            b = ref Unsafe.Add(ref b, 32);
        }
        c0a.StoreUnsafe(ref Unsafe.Add(ref c, 0 * row));
        c0b.StoreUnsafe(ref Unsafe.Add(ref c, 0 * row + 16));
        c1a.StoreUnsafe(ref Unsafe.Add(ref c, 1 * row));
        c1b.StoreUnsafe(ref Unsafe.Add(ref c, 1 * row + 16));
        c2a.StoreUnsafe(ref Unsafe.Add(ref c, 2 * row));
        c2b.StoreUnsafe(ref Unsafe.Add(ref c, 2 * row + 16));
        c3a.StoreUnsafe(ref Unsafe.Add(ref c, 3 * row));
        c3b.StoreUnsafe(ref Unsafe.Add(ref c, 3 * row + 16));
        c4a.StoreUnsafe(ref Unsafe.Add(ref c, 4 * row));
        c4b.StoreUnsafe(ref Unsafe.Add(ref c, 4 * row + 16));
        c5a.StoreUnsafe(ref Unsafe.Add(ref c, 5 * row));
        c5b.StoreUnsafe(ref Unsafe.Add(ref c, 5 * row + 16));
        c6a.StoreUnsafe(ref Unsafe.Add(ref c, 6 * row));
        c6b.StoreUnsafe(ref Unsafe.Add(ref c, 6 * row + 16));
        c7a.StoreUnsafe(ref Unsafe.Add(ref c, 7 * row));
        c7b.StoreUnsafe(ref Unsafe.Add(ref c, 7 * row + 16));
        c8a.StoreUnsafe(ref Unsafe.Add(ref c, 8 * row));
        c8b.StoreUnsafe(ref Unsafe.Add(ref c, 8 * row + 16));
        c9a.StoreUnsafe(ref Unsafe.Add(ref c, 9 * row));
        c9b.StoreUnsafe(ref Unsafe.Add(ref c, 9 * row + 16));
        c10a.StoreUnsafe(ref Unsafe.Add(ref c, 10 * row));
        c10b.StoreUnsafe(ref Unsafe.Add(ref c, 10 * row + 16));
        c11a.StoreUnsafe(ref Unsafe.Add(ref c, 11 * row));
        c11b.StoreUnsafe(ref Unsafe.Add(ref c, 11 * row + 16));
        c12a.StoreUnsafe(ref Unsafe.Add(ref c, 12 * row));
        c12b.StoreUnsafe(ref Unsafe.Add(ref c, 12 * row + 16));
        c13a.StoreUnsafe(ref Unsafe.Add(ref c, 13 * row));
        c13b.StoreUnsafe(ref Unsafe.Add(ref c, 13 * row + 16));
    }

    /// <summary>
    /// A number in all lanes once more. Written twice alike, the compiler reads it once, into a register; read as an integer it is
    /// not recognised, and either multiply-add takes it from memory itself. That is an instruction less, which counts where
    /// another thread of the core leaves this one half of the instructions a core can start.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Again(ref float a) => Vector512.Create(Unsafe.As<float, int>(ref a)).AsSingle();

    private static unsafe void Prefetch(ref float start, nint offset) => Sse.Prefetch0(Unsafe.AsPointer(ref Unsafe.Add(ref start, offset)));
}
