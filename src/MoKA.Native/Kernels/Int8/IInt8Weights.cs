using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// Weights as whole numbers L and their scales, for <see cref="Int8Product"/>: rows of them for a few tokens, panels of them for
/// many, and how the tiles add up the products of a block in lanes of 32 bits, each lane four codes of a row.
/// </summary>
internal interface IInt8Weights
{
    /// <summary>What is added to L to make it positive.</summary>
    static abstract int Centre { get; }

    /// <summary>How tokens must lie to be multiplied with rows.</summary>
    static abstract TokenOrder OrderForRows { get; }

    /// <summary>How tokens must lie to be multiplied with panels.</summary>
    static abstract TokenOrder OrderForPanels { get; }

    /// <summary>Where a block's sums start, given the token's bias of it (<see cref="QuantizedTokens.Biases"/>).</summary>
    static abstract int Start(int bias);

    /// <summary>The sums and the products of a group.</summary>
    static abstract Vector256<int> Add(Vector256<int> sums, Vector256<byte> w, Vector256<sbyte> p);

    /// <summary>The sums and the products of a group.</summary>
    static abstract Vector512<int> Add(Vector512<int> sums, Vector512<byte> w, Vector512<sbyte> p);

    /// <summary>The sums of a whole block.</summary>
    static abstract Vector256<int> Whole(Vector256<int> sums);

    /// <summary>The sums of a whole block.</summary>
    static abstract Vector512<int> Whole(Vector512<int> sums);

    /// <summary>y [tokens, rows] for rows of W from <paramref name="first"/> on.</summary>
    void MultiplyRows(Worker worker, QuantizedTokens tokens, int first, MatrixSpan y);

    /// <summary>Lays out so many rows from <paramref name="first"/> on.</summary>
    void Pack(Worker worker, int first, int rows, Int8Panel panel);
}
