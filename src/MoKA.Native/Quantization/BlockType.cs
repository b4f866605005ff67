using MoKA.Native.Kernels;

namespace MoKA.Native.Quantization;

/// <summary>How the rows of a <see cref="BlockMatrix"/> are stored. Names, layouts and numbers are those of ggml.</summary>
public enum BlockType
{
    /// <summary>IEEE half precision.</summary>
    F16,

    /// <summary>The upper half of a float.</summary>
    BF16,

    /// <summary>Symmetric 4-bit blocks of 32, 4.5 bits a weight.</summary>
    Q4_0,

    /// <summary>4-bit blocks of 32 with a minimum, 5 bits a weight.</summary>
    Q4_1,

    /// <summary>Symmetric 5-bit blocks of 32, 5.5 bits a weight.</summary>
    Q5_0,

    /// <summary>5-bit blocks of 32 with a minimum, 6 bits a weight.</summary>
    Q5_1,

    /// <summary>Symmetric 8-bit blocks of 32, 8.5 bits a weight.</summary>
    Q8_0,

    /// <summary>2-bit blocks of 256 with quantised scales, 2.6 bits a weight.</summary>
    Q2_K,

    /// <summary>3-bit blocks of 256 with quantised scales, 3.4 bits a weight.</summary>
    Q3_K,

    /// <summary>4-bit blocks of 256 with quantised scales, 4.5 bits a weight.</summary>
    Q4_K,

    /// <summary>5-bit blocks of 256 with quantised scales, 5.5 bits a weight.</summary>
    Q5_K,

    /// <summary>6-bit blocks of 256 with quantised scales, 6.6 bits a weight.</summary>
    Q6_K,

    /// <summary>4-bit blocks of 32 with uneven levels, 4.5 bits a weight.</summary>
    IQ4_NL,
}

/// <summary>The layouts behind the names.</summary>
internal static class BlockTypes
{
    // Indexed by BlockType.
    private static readonly BlockFormat[] Formats =
    [
        new Float16(),
        new BFloat16(),
        new PieceFormat<Q4_0, LowThenHighHalves>(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7),
        new RunFormat<Q4_1>(),
        new RunFormat<Q5_0>(),
        new RunFormat<Q5_1>(),
        new PieceFormat<Q8_0, SignedBytes>(),
        new RunFormat<Q2_K>(),
        new RunFormat<Q3_K>(),
        new RunFormat<Q4_K>(),
        new RunFormat<Q5_K>(),
        new RunFormat<Q6_K>(),
        new PieceFormat<IQ4_NL, LowThenHighHalves>(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113),
    ];

    public static BlockFormat Format(this BlockType type) => Formats[(int)type];

    /// <summary>The bytes of a row of whole blocks.</summary>
    public static long BytesOfRow(this BlockType type, int columns) => (long)columns / type.Format().Weights * type.Format().Bytes;
}
