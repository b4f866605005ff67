namespace MoKA.Native.Ops;

/// <summary>
/// A Kronecker product one of whose factors is the identity: I_k ⊗ M, block-diagonal with one block k times, or M ⊗ I_k,
/// which mixes pieces of k numbers as wholes. M [m, n].
/// </summary>
/// <param name="Matrix">M.</param>
/// <param name="Repeats">k.</param>
/// <param name="IdentityFirst">Whether it is I_k ⊗ M.</param>
public readonly record struct IdentityFilter(Tensor Matrix, int Repeats, bool IdentityFirst)
{
    /// <summary>The length of an input row.</summary>
    public int In => Repeats * Matrix.Shape[1];

    /// <summary>The length of an output row.</summary>
    public int Out => Repeats * Matrix.Shape[0];
}
