namespace MoKA.Native.Nn;

/// <summary>What a stored weight is multiplied with.</summary>
public enum Activations
{
    /// <summary>The numbers as they are: exact up to the rounding of sums.</summary>
    Float,

    /// <summary>The numbers rounded to 8 bits in blocks of 32 or 16: faster, inference alone, and only with quantised weights: ggml's blocks, NF4 or FP4.</summary>
    Int8,
}
