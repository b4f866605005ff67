using System.Numerics;

namespace MoKA.Native.Tests.Reference;

internal static partial class Textbook
{
    /// <summary>y[t] = table[ids[t]].</summary>
    public static Matrix<T> Embedding<T>(Matrix<T> table, int[] ids) where T : IFloatingPointIeee754<T> =>
        Build(ids.Length, table.Columns, (t, j) => table[ids[t], j]);
}
