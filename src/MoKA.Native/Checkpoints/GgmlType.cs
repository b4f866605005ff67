using MoKA.Native.Quantization;

namespace MoKA.Native.Checkpoints;

/// <summary>How the elements of a tensor in a GGUF file are stored; names and numbers are those of ggml.</summary>
public enum GgmlType : uint
{
#pragma warning disable CS1591 // the names are the format's own
    F32 = 0, F16 = 1, Q4_0 = 2, Q4_1 = 3, Q5_0 = 6, Q5_1 = 7, Q8_0 = 8, Q8_1 = 9, Q2_K = 10, Q3_K = 11, Q4_K = 12, Q5_K = 13, Q6_K = 14, Q8_K = 15,
    IQ2_XXS = 16, IQ2_XS = 17, IQ3_XXS = 18, IQ1_S = 19, IQ4_NL = 20, IQ3_S = 21, IQ2_S = 22, IQ4_XS = 23, I8 = 24, I16 = 25, I32 = 26, I64 = 27, F64 = 28,
    IQ1_M = 29, BF16 = 30, TQ1_0 = 34, TQ2_0 = 35, MXFP4 = 39,
#pragma warning restore CS1591
}

/// <summary>The sizes behind the names (ggml-common.h).</summary>
internal static class GgmlTypes
{
    /// <summary>Elements of a block and its bytes, or nothing when the number is none of ggml's.</summary>
    public static (int Elements, int Bytes)? Block(this GgmlType type) => type switch
    {
        GgmlType.I8 => (1, 1),
        GgmlType.F16 or GgmlType.BF16 or GgmlType.I16 => (1, 2),
        GgmlType.F32 or GgmlType.I32 => (1, 4),
        GgmlType.F64 or GgmlType.I64 => (1, 8),
        GgmlType.MXFP4 => (32, 17),
        GgmlType.Q4_0 or GgmlType.IQ4_NL => (32, 18),
        GgmlType.Q4_1 => (32, 20),
        GgmlType.Q5_0 => (32, 22),
        GgmlType.Q5_1 => (32, 24),
        GgmlType.Q8_0 => (32, 34),
        GgmlType.Q8_1 => (32, 36),
        GgmlType.IQ1_S => (256, 50),
        GgmlType.TQ1_0 => (256, 54),
        GgmlType.IQ1_M => (256, 56),
        GgmlType.IQ2_XXS or GgmlType.TQ2_0 => (256, 66),
        GgmlType.IQ2_XS => (256, 74),
        GgmlType.IQ2_S => (256, 82),
        GgmlType.Q2_K => (256, 84),
        GgmlType.IQ3_XXS => (256, 98),
        GgmlType.Q3_K or GgmlType.IQ3_S => (256, 110),
        GgmlType.IQ4_XS => (256, 136),
        GgmlType.Q4_K => (256, 144),
        GgmlType.Q5_K => (256, 176),
        GgmlType.Q6_K => (256, 210),
        GgmlType.Q8_K => (256, 292),
        _ => null,
    };

    /// <summary>The blocks of a <see cref="BlockMatrix"/> stored so, or nothing where this library does not read them.</summary>
    public static BlockType? AsBlocks(this GgmlType type) => type switch
    {
        GgmlType.F16 => BlockType.F16,
        GgmlType.BF16 => BlockType.BF16,
        GgmlType.Q4_0 => BlockType.Q4_0,
        GgmlType.Q4_1 => BlockType.Q4_1,
        GgmlType.Q5_0 => BlockType.Q5_0,
        GgmlType.Q5_1 => BlockType.Q5_1,
        GgmlType.Q8_0 => BlockType.Q8_0,
        GgmlType.Q2_K => BlockType.Q2_K,
        GgmlType.Q3_K => BlockType.Q3_K,
        GgmlType.Q4_K => BlockType.Q4_K,
        GgmlType.Q5_K => BlockType.Q5_K,
        GgmlType.Q6_K => BlockType.Q6_K,
        GgmlType.IQ4_NL => BlockType.IQ4_NL,
        _ => null,
    };
}
