using MoKA.Native.Autograd;

namespace MoKA.Native.Nn;

/// <summary>
/// A linear map from rows of <see cref="In"/> to rows of <see cref="Out"/>. The one seam of the house: float and
/// quantised weights, adapters around either, and other devices stand behind it.
/// </summary>
public interface ILinear
{
    /// <summary>The length of an input row.</summary>
    int In { get; }

    /// <summary>The length of an output row.</summary>
    int Out { get; }

    /// <summary>y [tokens, Out] for x [tokens, In].</summary>
    Tensor Forward(Tape tape, Tensor x);

    /// <summary>Writes the map's matrix [Out, In] as floats, for merging and for reading.</summary>
    void CopyWeight(Span<float> weight);
}
