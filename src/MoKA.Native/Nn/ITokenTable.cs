using MoKA.Native.Autograd;

namespace MoKA.Native.Nn;

/// <summary>
/// A linear map whose rows can also be looked up by number: the table of token vectors, which a tied model multiplies
/// with again as its head.
/// </summary>
public interface ITokenTable : ILinear
{
    /// <summary>Rows ids[t] of the matrix [Out, In], as [tokens, In].</summary>
    Tensor Lookup(Tape tape, ReadOnlyMemory<int> ids);
}
