namespace MoKA.Native.Kernels;

/// <summary>
/// Rows of a stored weight that lie side by side in the lanes of registers, one in each lane, as streams through memory: each lane
/// goes on with the row after the one that it has done. Adjacent rows would be as many streams that end soon, which the
/// processor does not fetch ahead; and asked for in their order, they would wait for the few lines that a first-level cache can
/// have under way at a time.
/// </summary>
internal static class RowStreams
{
    /// <summary>Bytes by which a loop over such rows asks for each stream ahead of what it reads.</summary>
    public const int Ahead = 512;

    /// <summary>Streams a multiple of this apart would share a quarter of the sets of a first-level cache, or fewer.</summary>
    private const int SharedSets = 1024;

    /// <summary>How many of so many rows each lane takes. Fewer than there are lanes may be left over, or twice as many.</summary>
    public static int RowsOfLane(int rows, int lanes, int bytesOfRow)
    {
        int each = rows / lanes;
        return each > 1 && (long)each * bytesOfRow % SharedSets == 0 ? each - 1 : each;
    }
}
