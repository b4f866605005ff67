using System.Numerics;

namespace MoKA.Native.Tests.Reference;

internal static partial class Textbook
{
    /// <summary>y = gate / (1 + e^-gate) up.</summary>
    public static Matrix<T> SwiGlu<T>(Matrix<T> gate, Matrix<T> up) where T : IFloatingPointIeee754<T> =>
        Build(gate.Rows, gate.Columns, (i, j) => gate[i, j] / (T.One + T.Exp(-gate[i, j])) * up[i, j]);
}
