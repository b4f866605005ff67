using System.Collections.Immutable;

namespace MoKA.Native.Checkpoints;

/// <summary>Where one tensor lies in a GGUF file.</summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="Type">How its elements are stored.</param>
/// <param name="Dims">Its shape as ggml lists it: the length of a row first, then how many; empty for a scalar; a dimension may be 0.</param>
/// <param name="Offset">Its first byte, counted from the start of the file.</param>
/// <param name="ByteLength">Its length in bytes, without the padding that follows.</param>
public sealed record GgufTensor(string Name, GgmlType Type, ImmutableArray<long> Dims, long Offset, long ByteLength)
{
    /// <summary>Number of elements: the product of <see cref="Dims"/>, 1 for a scalar.</summary>
    public long ElementCount { get; } = Dims.Aggregate(1L, (product, dim) => checked(product * dim));

    /// <summary>The shape as this library lists it: the length of a row last.</summary>
    public ImmutableArray<long> Shape => [.. Dims.Reverse()];
}
