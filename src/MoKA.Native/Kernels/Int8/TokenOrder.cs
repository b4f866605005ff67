namespace MoKA.Native.Kernels;

/// <summary>How a token's codes lie, for weights that keep two neighbours in the halves of a byte, the first in the upper half.</summary>
internal enum TokenOrder
{
    /// <summary>One after another.</summary>
    Natural,

    /// <summary>As four bytes of weights keep them: of every eight the first of each pair, then the second.</summary>
    EightsDealt,

    /// <summary>The same for a line of 64 bytes; a token's last line may be shorter.</summary>
    LinesDealt,
}
