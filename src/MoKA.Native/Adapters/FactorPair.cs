using MoKA.Native.Autograd;
using MoKA.Native.Ops;

namespace MoKA.Native.Adapters;

/// <summary>A factor W [rows, columns] of a Kronecker product: trained whole, or as W = W_a W_b of a lower rank.</summary>
public sealed class FactorPair
{
    internal FactorPair(string name, int rows, int columns, int rank)
    {
        Parameters = rank == 0
            ? [new Parameter(name, new Shape(rows, columns))]
            : [new Parameter(name + "_a", new Shape(rows, rank)), new Parameter(name + "_b", new Shape(rank, columns))];
    }

    /// <summary>W, or W_a [rows, rank] and W_b [rank, columns].</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Whether it is a product.</summary>
    public bool IsDecomposed => Parameters.Count == 2;

    /// <summary>W as a tensor of this pass.</summary>
    internal Tensor Whole(Tape tape) => IsDecomposed ? Op.MatMul(tape, Parameters[0], Parameters[1]) : Parameters[0];

    /// <summary>W's numbers, for merging.</summary>
    internal float[] Dense()
    {
        if (!IsDecomposed) return Parameters[0].ToArray();
        Parameter a = Parameters[0], b = Parameters[1];
        (int rows, int rank, int columns) = (a.Shape[0], a.Shape[1], b.Shape[1]);
        float[] whole = new float[rows * columns];
        for (int i = 0; i < rows; i++)
            for (int k = 0; k < rank; k++)
            {
                float factor = a.Data[i * rank + k];
                for (int j = 0; j < columns; j++) whole[i * columns + j] += factor * b.Data[k * columns + j];
            }
        return whole;
    }
}
