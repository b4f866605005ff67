namespace MoKA.Native.Kernels;

/// <summary>
/// The register tile: C [rows, columns] = panel of A [kc, rows]ᵀ times panel of B [kc, columns], added to C when
/// <c>load</c>. One file per instruction set; the scalar one is the specification.
/// </summary>
internal static partial class GemmTile
{
    public static int Rows(InstructionSet set) => set == InstructionSet.Avx512 ? 8 : 4;

    public static int Columns(InstructionSet set) => set == InstructionSet.Avx512 ? 32 : 16;

    public static void Run(InstructionSet set, int kc, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> c, int stride, bool load)
    {
        (int rows, int columns) = (Rows(set), Columns(set));
        // One check for the whole tile: the variants below read and write without bounds checks.
        if (a.Length < kc * rows || b.Length < kc * columns || c.Length < (rows - 1) * stride + columns) throw new ArgumentException("GemmTile: a panel or the tile is too short.");
        if (set == InstructionSet.Avx512) Avx512(kc, a, b, c, stride, load);
        else if (set == InstructionSet.Avx2) Avx2(kc, a, b, c, stride, load);
        else Scalar(kc, a, b, c, stride, load);
    }
}
