namespace MoKA.Native.Kernels;

/// <summary>Rows handed to threads in blocks, for kernels whose rows are independent.</summary>
internal static class RowBlocks
{
    private const int RowsPerBlock = 32;

    public static int Count(int rows) => Ceiling.OfRatio(rows, RowsPerBlock);

    public static (int First, int Last) Range(int block, int rows) => (block * RowsPerBlock, Math.Min((block + 1) * RowsPerBlock, rows));
}
