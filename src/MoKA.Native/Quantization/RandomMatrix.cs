using System.Runtime.InteropServices;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;
using MoKA.Native.Memory;

namespace MoKA.Native.Quantization;

/// <summary>
/// Stored matrices of random weights, written directly in their storage: a pool of normal blocks is quantised once and
/// the matrix is put together from them in random order. For measuring models that are not at hand.
/// </summary>
public static class RandomMatrix
{
    private const int PoolBlocks = 4096, WeightsOfBlock = 64;

    /// <summary>A matrix [rows, columns] of weights N(0, deviation²), the same for the same seed and stream.</summary>
    /// <param name="storage">Anything but floats of 32 bits and <see cref="WeightStorage.Other"/>.</param>
    /// <param name="rows">How many outputs.</param>
    /// <param name="columns">How many inputs; in Q4_0 and Q8_0 whole blocks.</param>
    /// <param name="deviation">Their standard deviation.</param>
    /// <param name="seed">The seed of the whole model.</param>
    /// <param name="stream">Which of its matrices.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="MokaException">The columns are not whole blocks.</exception>
    public static FrozenMatrix Create(WeightStorage storage, int rows, int columns, float deviation, ulong seed, ulong stream, string name = "weight")
    {
        float[] normals = new float[PoolBlocks * WeightsOfBlock];
        for (int i = 0; i < normals.Length; i++) normals[i] = CounterRandom.Normal(seed, stream, (ulong)i) * deviation;
        if (storage.AsBlocks() is { } blockType) return Blocks(blockType);
        if (storage.AsCodebook() is { } codebookType) return Codes(codebookType);
        throw new ArgumentException($"{name}: {storage} is nothing to quantise to.");

        BlockMatrix Blocks(BlockType type)
        {
            using BlockMatrix pool = BlockMatrix.Quantize(normals, PoolBlocks, WeightsOfBlock, type, name);
            NativeBytes bytes = new(rows * type.BytesOfRow(columns));
            Gather(pool.Bytes, bytes.Writable, [], [], seed, stream);
            return new BlockMatrix(name, type, rows, columns, bytes);
        }

        CodebookMatrix Codes(CodebookType type)
        {
            using CodebookMatrix pool = CodebookMatrix.Quantize(normals, PoolBlocks, WeightsOfBlock, type, blockSize: WeightsOfBlock, name: name);
            int blocks = Ceiling.OfRatio(rows * columns, WeightsOfBlock);
            NativeBytes codes = new(Ceiling.OfRatio(rows * columns, 2)), floats = new((long)blocks * sizeof(float));
            Span<float> magnitudes = MemoryMarshal.Cast<byte, float>(floats.Writable);
            Gather(pool.Codes, codes.Writable, MemoryMarshal.Cast<byte, float>(pool.MagnitudeBytes), magnitudes, seed, stream);
            return CodebookMatrix.Create(name, type, rows, columns, WeightsOfBlock, codes, floats, storage.IsNested());
        }
    }

    /// <summary>Fills the bytes with those of random pool blocks, and their magnitudes beside them; the last may be cut.</summary>
    private static void Gather(ReadOnlySpan<byte> pool, Span<byte> bytes, ReadOnlySpan<float> poolMagnitudes, Span<float> magnitudes, ulong seed, ulong stream)
    {
        int size = pool.Length / PoolBlocks;
        for (int block = 0; block * size < bytes.Length; block++)
        {
            int from = CounterRandom.Below(seed, ~stream, (ulong)block, PoolBlocks);
            Span<byte> to = bytes.Slice(block * size, Math.Min(size, bytes.Length - block * size));
            pool.Slice(from * size, to.Length).CopyTo(to);
            if (!magnitudes.IsEmpty) magnitudes[block] = poolMagnitudes[from];
        }
    }
}
