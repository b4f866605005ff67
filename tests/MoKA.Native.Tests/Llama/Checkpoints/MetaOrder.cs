namespace MoKA.Native.Tests.Llama.Checkpoints;

/// <summary>The rows of queries and keys as Meta lists them: the two outputs that a head turns together side by side.</summary>
internal static class MetaOrder
{
    /// <summary>Turns rows of equally many elements from this library's order into Meta's.</summary>
    public static T[] Of<T>(T[] rows, int elementsOfRow, int headDim)
    {
        T[] turned = new T[rows.Length];
        for (int row = 0; row < rows.Length / elementsOfRow; row++)
        {
            (int head, int pair, int part) = (row / headDim, row % headDim / 2, row % 2);
            Array.Copy(rows, (head * headDim + part * headDim / 2 + pair) * elementsOfRow, turned, row * elementsOfRow, elementsOfRow);
        }
        return turned;
    }
}
