namespace MoKA.Native.Checkpoints;

/// <summary>
/// How a safetensors file stores one element. The members stand in the format's own order, which decides the order of
/// tensors in a written file.
/// </summary>
public enum ElementType
{
    /// <summary>One byte, 0 or 1.</summary>
    Bool,
    /// <summary>4-bit float.</summary>
    F4,
    /// <summary>6-bit float, 2 exponent and 3 mantissa bits.</summary>
    F6E2M3,
    /// <summary>6-bit float, 3 exponent and 2 mantissa bits.</summary>
    F6E3M2,
    /// <summary>Unsigned byte.</summary>
    U8,
    /// <summary>Signed byte.</summary>
    I8,
    /// <summary>8-bit float, 5 exponent and 2 mantissa bits.</summary>
    F8E5M2,
    /// <summary>8-bit float, 4 exponent and 3 mantissa bits.</summary>
    F8E4M3,
    /// <summary>8-bit power of two.</summary>
    F8E8M0,
    /// <summary>8-bit float, 4 exponent and 3 mantissa bits, no infinities and no negative zero.</summary>
    F8E4M3Fnuz,
    /// <summary>8-bit float, 5 exponent and 2 mantissa bits, no infinities and no negative zero.</summary>
    F8E5M2Fnuz,
    /// <summary>Signed 16-bit integer.</summary>
    I16,
    /// <summary>Unsigned 16-bit integer.</summary>
    U16,
    /// <summary>IEEE half precision.</summary>
    F16,
    /// <summary>The upper half of a single: 8 exponent and 7 mantissa bits.</summary>
    BF16,
    /// <summary>Signed 32-bit integer.</summary>
    I32,
    /// <summary>Unsigned 32-bit integer.</summary>
    U32,
    /// <summary>IEEE single precision.</summary>
    F32,
    /// <summary>Complex number of two singles.</summary>
    C64,
    /// <summary>IEEE double precision.</summary>
    F64,
    /// <summary>Signed 64-bit integer.</summary>
    I64,
    /// <summary>Unsigned 64-bit integer.</summary>
    U64,
}

/// <summary>Names and sizes of the element types, as the file format spells them.</summary>
public static class ElementTypes
{
    // Indexed by ElementType.
    private static readonly (string Name, int Bits)[] Table =
    [
        ("BOOL", 8), ("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6), ("U8", 8), ("I8", 8),
        ("F8_E5M2", 8), ("F8_E4M3", 8), ("F8_E8M0", 8), ("F8_E4M3FNUZ", 8), ("F8_E5M2FNUZ", 8),
        ("I16", 16), ("U16", 16), ("F16", 16), ("BF16", 16),
        ("I32", 32), ("U32", 32), ("F32", 32), ("C64", 64), ("F64", 64), ("I64", 64), ("U64", 64),
    ];

    /// <summary>The name in the file, such as <c>F32</c> or <c>F8_E4M3</c>.</summary>
    public static string FileName(this ElementType type) => Table[(int)type].Name;

    /// <summary>Bits per element.</summary>
    public static int Bits(this ElementType type) => Table[(int)type].Bits;

    /// <summary>Finds the type of a file's name for it; case matters.</summary>
    public static bool TryParse(string name, out ElementType type)
    {
        int index = Array.FindIndex(Table, row => row.Name == name);
        type = (ElementType)Math.Max(index, 0);
        return index >= 0;
    }
}
