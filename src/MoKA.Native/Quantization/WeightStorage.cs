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

    /// <summary>What the weights themselves say: types that differ from one to the next, or that are read but not written.</summary>
    Other,
}

/// <summary>What follows from the choice.</summary>
public static class WeightStorages
{
    /// <summary>The bits a weight of a large matrix takes, scales included.</summary>
    /// <exception cref="InvalidOperationException">It is <see cref="WeightStorage.Other"/>: the bytes of the weights have to be counted.</exception>
    public static double BitsPerWeight(this WeightStorage storage) => storage switch
    {
        WeightStorage.F32 => 32,
        WeightStorage.F16 or WeightStorage.BF16 => 16,
        WeightStorage.Q8_0 => 8.5,
        WeightStorage.Q4_0 or WeightStorage.NF4 or WeightStorage.FP4 => 4.5,
        WeightStorage.Other => throw new InvalidOperationException("WeightStorage.Other: only the weights themselves tell what they take; count their bytes."),
        // A byte for each block of 64, and a float for each 256 of them.
        _ => 4 + 8 / 64.0 + 32 / (64.0 * 256),
    };

    /// <summary>Whether it is one of the floating-point types that files call by name.</summary>
    public static bool IsFloat(this WeightStorage storage) => storage is WeightStorage.F32 or WeightStorage.F16 or WeightStorage.BF16;

    /// <summary>Whether the magnitudes of its blocks are quantised too.</summary>
    public static bool IsNested(this WeightStorage storage) => storage is WeightStorage.NF4Double or WeightStorage.FP4Double;

    /// <summary>The inputs of a map must be a multiple of this.</summary>
    public static int BlockOfRow(this WeightStorage storage) => storage is WeightStorage.Q4_0 or WeightStorage.Q8_0 ? 32 : 1;

    /// <summary>The blocks of a <see cref="BlockMatrix"/> stored so, or nothing for floats and codebooks.</summary>
    public static BlockType? AsBlocks(this WeightStorage storage) => storage switch
    {
        WeightStorage.F16 => BlockType.F16,
        WeightStorage.BF16 => BlockType.BF16,
        WeightStorage.Q4_0 => BlockType.Q4_0,
        WeightStorage.Q8_0 => BlockType.Q8_0,
        _ => null,
    };

    /// <summary>The levels of a <see cref="CodebookMatrix"/> stored so, or nothing for floats and blocks.</summary>
    public static CodebookType? AsCodebook(this WeightStorage storage) => storage switch
    {
        WeightStorage.NF4 or WeightStorage.NF4Double => CodebookType.NF4,
        WeightStorage.FP4 or WeightStorage.FP4Double => CodebookType.FP4,
        _ => null,
    };

    /// <summary>Quantises a matrix [rows, columns].</summary>
    /// <param name="storage">Anything but floats of 32 bits and <see cref="WeightStorage.Other"/>.</param>
    /// <param name="weights">[rows, columns].</param>
    /// <param name="rows">How many outputs.</param>
    /// <param name="columns">How many inputs.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="MokaException">The weights do not fit the storage.</exception>
    public static FrozenMatrix Quantize(this WeightStorage storage, ReadOnlySpan<float> weights, int rows, int columns, string name = "weight")
    {
        if (storage.AsBlocks() is { } blocks) return BlockMatrix.Quantize(weights, rows, columns, blocks, name);
        if (storage.AsCodebook() is { } codebook) return CodebookMatrix.Quantize(weights, rows, columns, codebook, storage.IsNested(), name: name);
        throw new ArgumentException($"{name}: {storage} is nothing to quantise to.");
    }
}
