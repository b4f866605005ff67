namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// The order of a query's or key's outputs. Here a head turns output i together with output i + half; files in Meta's order list the
/// two of a pair side by side.
/// </summary>
internal static class RotaryRows
{
    /// <summary>Where row <paramref name="row"/> of a matrix in Meta's order lies here: row 2 i + p of a head is row i + p headDim / 2.</summary>
    public static int Place(int row, int headDim)
    {
        int inHead = row % headDim;
        return row - inHead + inHead / 2 + inHead % 2 * (headDim / 2);
    }
}
