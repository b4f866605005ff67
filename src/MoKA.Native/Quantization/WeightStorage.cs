using MoKA.Native.Diagnostics;

namespace MoKA.Native.Quantization;

/// <summary>What the weights of a model can be stored as.</summary>
public enum WeightStorage
{
    /// <summary>Floats.</summary>
    F32,

    /// <summary>IEEE half precision.</summary>
    F16,

    /// <summary>The upper half of a float.</summary>
    BF16,

    /// <summary>Symmetric 4-bit blocks of 32.</summary>
    Q4_0,

    /// <summary>Symmetric 8-bit blocks of 32.</summary>
    Q8_0,

    /// <summary>4-bit NormalFloat in blocks of 64.</summary>
    NF4,

    /// <summary>4-bit NormalFloat in blocks of 64 whose magnitudes are quantised too.</summary>
    NF4Double,

    /// <summary>4-bit floating-point in blocks of 64.</summary>
    FP4,

    /// <summary>4-bit floating-point in blocks of 64 whose magnitudes are quantised too.</summary>
    FP4Double,
}

/// <summary>What follows from the choice.</summary>
public static class WeightStorages
{
    /// <summary>The bits a weight of a large matrix takes, scales included.</summary>
    public static double BitsPerWeight(this WeightStorage storage) => storage switch
    {
        WeightStorage.F32 => 32,
        WeightStorage.F16 or WeightStorage.BF16 => 16,
        WeightStorage.Q8_0 => 8.5,
        WeightStorage.Q4_0 or WeightStorage.NF4 or WeightStorage.FP4 => 4.5,
        // A byte for each block of 64, and a float for each 256 of them.
        _ => 4 + 8 / 64.0 + 32 / (64.0 * 256),
    };

    /// <summary>Whether it is one of the floating-point types that files call by name.</summary>
    public static bool IsFloat(this WeightStorage storage) => storage is WeightStorage.F32 or WeightStorage.F16 or WeightStorage.BF16;

    /// <summary>Whether the magnitudes of its blocks are quantised too.</summary>
    public static bool IsNested(this WeightStorage storage) => storage is WeightStorage.NF4Double or WeightStorage.FP4Double;

    /// <summary>The inputs of a map must be a multiple of this.</summary>
    public static int BlockOfRow(this WeightStorage storage) => storage is WeightStorage.Q4_0 or WeightStorage.Q8_0 ? 32 : 1;

    /// <summary>Quantises a matrix [rows, columns].</summary>
    /// <param name="storage">Anything but floats.</param>
    /// <param name="weights">[rows, columns].</param>
    /// <param name="rows">How many outputs.</param>
    /// <param name="columns">How many inputs.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="MokaException">The weights do not fit the storage.</exception>
    public static FrozenMatrix Quantize(this WeightStorage storage, ReadOnlySpan<float> weights, int rows, int columns, string name = "weight") => storage switch
    {
        WeightStorage.F16 => BlockMatrix.Quantize(weights, rows, columns, BlockType.F16, name),
        WeightStorage.BF16 => BlockMatrix.Quantize(weights, rows, columns, BlockType.BF16, name),
        WeightStorage.Q4_0 => BlockMatrix.Quantize(weights, rows, columns, BlockType.Q4_0, name),
        WeightStorage.Q8_0 => BlockMatrix.Quantize(weights, rows, columns, BlockType.Q8_0, name),
        WeightStorage.NF4 or WeightStorage.NF4Double => CodebookMatrix.Quantize(weights, rows, columns, CodebookType.NF4, storage.IsNested(), name: name),
        WeightStorage.FP4 or WeightStorage.FP4Double => CodebookMatrix.Quantize(weights, rows, columns, CodebookType.FP4, storage.IsNested(), name: name),
        _ => throw new ArgumentException($"{name}: floats are not quantised."),
    };
}
