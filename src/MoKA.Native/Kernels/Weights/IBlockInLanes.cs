namespace MoKA.Native.Kernels;

/// <summary>
/// A block of each of as many rows as a register has lanes. Its weights are runs of 16, each weight a code less the centre times a
/// scale, plus a minimum where the format has them, rounded as <see cref="IBlock.Dequantize"/> rounds. See <see cref="BlockLanes"/>
/// and, for products in integers, <see cref="Int8Blocks{TBlock}"/>.
/// </summary>
internal interface IBlockInLanes : IBlock
{
    /// <summary>Adjacent runs that share a scale.</summary>
    static abstract int RunsOfScale { get; }

    /// <summary>Whether weights have a minimum added.</summary>
    static abstract bool HasMinimum { get; }

    /// <summary>The bits of a code. Codes of 8 are signed, the others are not.</summary>
    static abstract int Bits { get; }

    /// <summary>What a code is less; 0 where codes are signed or weights have a minimum.</summary>
    static abstract byte Centre { get; }

    /// <summary>Writes the scales of the blocks, a register for each, so many floats apart; and the minima so.</summary>
    static abstract void Scales<TIntegers, TFloats>(ref byte block, nint stride, ref float scales, ref float minima, int apart)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats>;

    /// <summary>Hands on the codes of the blocks in runs, of which those that share a scale are in order.</summary>
    static abstract void Codes<TIntegers, TFloats, TCodes>(ref byte block, nint stride, TCodes codes)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats>
        where TCodes : struct, ICodes<TIntegers, TFloats>, allows ref struct;
}
