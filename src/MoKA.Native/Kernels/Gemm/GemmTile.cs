using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// The register tile: C [height, width] = panel of A [kc, height]ᵀ times panel of B [kc, width], added to C when
/// <c>load</c>. One file per instruction set, each with a tall tile, a short one and a single row; the scalar
/// one is the specification.
/// </summary>
internal static partial class GemmTile
{
    /// <summary>The rows of the shorter tile on every instruction set.</summary>
    private const int ShortHeight = 4;

    private const int Avx512TallHeight = 14, Avx512MiddleHeight = 8, Avx2TallHeight = 6;

    /// <summary>The rows of the tallest tile.</summary>
    public static int TallHeight(InstructionSet set) => set == InstructionSet.Avx512 ? Avx512TallHeight : set == InstructionSet.Avx2 ? Avx2TallHeight : ShortHeight;

    /// <summary>The columns of every tile.</summary>
    public static int Width(InstructionSet set) => set == InstructionSet.Avx512 ? 32 : 16;

    /// <summary>The lanes of a register: half of those.</summary>
    public static int Lanes(InstructionSet set) => Width(set) / 2;

    /// <summary>
    /// The tile for the next rows when <paramref name="rows"/> are left: one that is not full where it still takes less time than
    /// several that are. A single row takes as long as four, waiting for its own sums.
    /// </summary>
    public static int Height(InstructionSet set, int rows)
    {
        if (set != InstructionSet.Avx512) return rows > ShortHeight ? TallHeight(set) : rows > 1 ? ShortHeight : 1;
        return rows switch
        {
            > Avx512MiddleHeight + ShortHeight => Avx512TallHeight,
            > ShortHeight => Avx512MiddleHeight,
            > 1 => ShortHeight,
            _ => 1,
        };
    }

    /// <summary>The tile for the next rows where none may be left empty.</summary>
    public static int WholeHeight(InstructionSet set, int rows) => set == InstructionSet.Avx512
        ? rows switch
        {
            2 * Avx512MiddleHeight or 3 * Avx512MiddleHeight => Avx512MiddleHeight,
            >= Avx512TallHeight => Avx512TallHeight,
            >= Avx512MiddleHeight => Avx512MiddleHeight,
            >= ShortHeight => ShortHeight,
            _ => 1,
        }
        : rows switch
        {
            2 * ShortHeight or 2 * ShortHeight + 1 => ShortHeight,
            >= Avx2TallHeight => Avx2TallHeight,
            >= ShortHeight => ShortHeight,
            _ => 1,
        };

    /// <summary>
    /// C [height, columns], rows <paramref name="stride"/> floats apart, from panels [kc, height] and [kc, width]; with fewer
    /// columns than the width, the room of the others may be written too.
    /// </summary>
    [MethodImpl(Compiled.AtOnce)]
    public static void Run(InstructionSet set, int height, int kc, ReadOnlySpan<float> panelOfA, ReadOnlySpan<float> panelOfB, Span<float> tile, int stride, int columns, bool load)
    {
        int width = Width(set);
        // One check for the whole tile: the variants below read and write without bounds checks.
        if (panelOfA.Length < kc * height || panelOfB.Length < kc * width || tile.Length < (height - 1) * stride + width) throw new ArgumentException("GemmTile: a panel or the tile is too short.");
        if (set == InstructionSet.Scalar)
        {
            Scalar(height, kc, panelOfA, panelOfB, tile, stride, load);
            return;
        }
        ref float a = ref MemoryMarshal.GetReference(panelOfA);
        ref float b = ref MemoryMarshal.GetReference(panelOfB);
        ref float c = ref MemoryMarshal.GetReference(tile);
        if (set == InstructionSet.Avx512)
        {
            int second = columns > width / 2 || height != Avx512TallHeight ? width / 2 : 0;
            if (height == Avx512TallHeight && second > 0) Avx512Tall(kc, ref a, ref b, ref c, stride, load);
            else Strided(set, height, kc, ref a, 1, height, ref b, width, second, ref c, stride, second, load);
        }
        else if (height == Avx2TallHeight) Avx2Tall(kc, ref a, ref b, ref c, stride, load);
        else Strided(set, height, kc, ref a, 1, height, ref b, width, width / 2, ref c, stride, width / 2, load);
    }

    /// <summary>
    /// C = A B or C += A B for operands that lie anywhere, on AVX-512 or AVX2: A's rows are <paramref name="s"/> floats apart and its
    /// steps of k <paramref name="stepOfA"/>, B's steps <paramref name="stepOfB"/>, C's rows <paramref name="row"/>. The second register
    /// begins so many floats after the first in B, and in C. With 24 columns and sixteen lanes that is 8: the registers overlap, and
    /// computing a number twice is cheaper than leaving lanes out. With as many columns as lanes it is 0, and one register does. With
    /// two such matrices it is the distance between them.
    /// </summary>
    public static void Strided(InstructionSet set, int height, int kc, ref float a, nint s, nint stepOfA, ref float b, nint stepOfB, nint secondOfB, ref float c, nint row, nint secondOfC, bool load)
    {
        // Steps in bytes are added to an address as they are.
        nint bytesOfStepA = sizeof(float) * stepOfA, bytesOfStepB = sizeof(float) * stepOfB;
        if (set == InstructionSet.Avx512)
        {
            if (height == 1) Avx512SingleStrided(kc, ref a, bytesOfStepA, ref b, bytesOfStepB, secondOfB, ref c, secondOfC, load);
            else if (height == ShortHeight) Avx512ShortStrided(kc, ref a, s, bytesOfStepA, ref b, bytesOfStepB, secondOfB, ref c, row, secondOfC, load);
            else if (height == Avx512MiddleHeight) Avx512MiddleStrided(kc, ref a, s, bytesOfStepA, ref b, bytesOfStepB, secondOfB, ref c, row, secondOfC, load);
            else if (secondOfB == 0) Avx512TallNarrowStrided(kc, ref a, s, bytesOfStepA, ref b, bytesOfStepB, ref c, row, load);
            else Avx512TallStrided(kc, ref a, s, bytesOfStepA, ref b, bytesOfStepB, secondOfB, ref c, row, secondOfC, load);
        }
        else if (height == 1) Avx2SingleStrided(kc, ref a, bytesOfStepA, ref b, bytesOfStepB, secondOfB, ref c, secondOfC, load);
        else if (height == ShortHeight) Avx2ShortStrided(kc, ref a, s, bytesOfStepA, ref b, bytesOfStepB, secondOfB, ref c, row, secondOfC, load);
        else Avx2TallStrided(kc, ref a, s, bytesOfStepA, ref b, bytesOfStepB, secondOfB, ref c, row, secondOfC, load);
    }
}
