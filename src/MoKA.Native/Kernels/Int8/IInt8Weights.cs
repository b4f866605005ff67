namespace MoKA.Native.Kernels;

/// <summary>
/// Weights as whole numbers L and their scales, and minima if they have them, for <see cref="Int8Product"/>: how few tokens take
/// their rows, how panels of them are laid out, and how the products of a block are added up in lanes of 32 bits, each lane four
/// codes of a row.
/// </summary>
internal interface IInt8Weights
{
    /// <summary>Groups of four weights that share a scale, a block: 8, or 4.</summary>
    static abstract int Groups { get; }

    /// <summary>Whether a number is added to the weights of a block.</summary>
    static abstract bool HasMinimum { get; }

    /// <summary>What tokens' biases are for (<see cref="QuantizedTokens.Biases"/>).</summary>
    static abstract int Centre { get; }

    /// <summary>How tokens must lie to be multiplied with rows.</summary>
    static abstract TokenOrder OrderForRows { get; }

    /// <summary>How tokens must lie to be multiplied with panels.</summary>
    static abstract TokenOrder OrderForPanels { get; }

    /// <summary>So few tokens are multiplied with rows where they lie; a panel would take longer to lay out than it saves.</summary>
    static abstract int FewTokens(InstructionSet set);

    /// <summary>The L of a code in a panel.</summary>
    static abstract int Weight(byte code);

    /// <summary>Where a block's sums start, given the token's bias of it (<see cref="QuantizedTokens.Biases"/>).</summary>
    static abstract int Start(int bias);

    /// <summary>The sums and the products of a group.</summary>
    static abstract TIntegers Add<TIntegers, TFloats>(TIntegers sums, TIntegers w, TIntegers p)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats>;

    /// <summary>The sums of a whole block.</summary>
    static abstract TIntegers Whole<TIntegers, TFloats>(TIntegers sums)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats>;

    /// <summary>y [tokens, rows] for rows of W from <paramref name="first"/> on.</summary>
    void MultiplyRows(Worker worker, QuantizedTokens tokens, int first, MatrixSpan y);

    /// <summary>Lays out so many rows from <paramref name="first"/> on.</summary>
    void Pack(Worker worker, int first, int rows, Int8Panel panel);
}
