using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// Rows of a stored weight that lie side by side in the lanes of registers, one in each lane, as streams through memory: each lane
/// goes on with the row after the one that it has done. Adjacent rows would be as many streams that end soon, which the
/// processor does not fetch ahead; and asked for in their order, they would wait for the few lines that a first-level cache can
/// have under way at a time.
/// </summary>
internal readonly ref struct RowStreams
{
    /// <summary>Bytes by which a loop over such rows asks for each stream ahead of what it reads.</summary>
    public const int Ahead = 512;

    /// <summary>How many rows lie side by side on AVX-512 and on AVX2.</summary>
    public const int Sixteen = LaneColumns.Rows, Eight = LaneColumns.Eight;

    /// <summary>Streams a multiple of this apart would share a quarter of the sets of a first-level cache, or fewer.</summary>
    private const int SharedSets = 1024;

    /// <summary>
    /// So many rows, <paramref name="apart"/> rows from each other, from the first of <paramref name="source"/> to its end. They are copied to where
    /// they share no sets of a cache if they would.
    /// </summary>
    public RowStreams(Worker worker, ReadOnlySpan<byte> source, int count, int apart, int bytesOfRow)
    {
        int stride = apart * bytesOfRow;
        SourceStride = stride;
        Bytes = LaneRows.Apart(worker, source, count, ref stride, bytesOfRow);
        Stride = stride;
        // Rows are copied whole: while they are used, those that the lanes go on with are asked for.
        AheadOfFirst = ref Unsafe.Add(ref MemoryMarshal.GetReference(source), Stride == SourceStride ? Ahead : bytesOfRow);
    }

    /// <summary>The rows' bytes, the first row's first.</summary>
    public ReadOnlySpan<byte> Bytes { get; }

    /// <summary>From a row to the next lane's.</summary>
    public int Stride { get; }

    /// <summary>The same where memory is asked for.</summary>
    public int SourceStride { get; }

    /// <summary>What is asked for while the first bytes of the first row are read.</summary>
    public readonly ref byte AheadOfFirst;

    /// <summary>How many of so many rows lie side by side in registers of 32-bit lanes, and how many of them each lane takes.</summary>
    public static (int Lanes, int RowsOfLane) Cut(InstructionSet set, int rows, int bytesOfRow)
    {
        int lanes = set == InstructionSet.Avx512 && rows >= Sixteen ? Sixteen : set >= InstructionSet.Avx2 && rows >= Eight ? Eight : 1;
        return (lanes, RowsOfLane(rows, lanes, bytesOfRow));
    }

    /// <summary>How many of so many rows each lane takes. Fewer than there are lanes may be left over, or twice as many.</summary>
    public static int RowsOfLane(int rows, int lanes, int bytesOfRow)
    {
        int each = rows / lanes;
        return each > 1 && (long)each * bytesOfRow % SharedSets == 0 ? each - 1 : each;
    }
}
