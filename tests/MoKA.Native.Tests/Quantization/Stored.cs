using System.Runtime.InteropServices;
using MoKA.Native.Diagnostics;
using MoKA.Native.Memory;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Quantization;

/// <summary>Stored matrices of every kind, for tests.</summary>
internal static class Stored
{
    /// <summary>Everything a weight can be quantised to.</summary>
    public static TheoryData<WeightStorage> Storages => [.. Enum.GetValues<WeightStorage>().Where(s => s != WeightStorage.F32)];

    /// <summary>A matrix of these bytes.</summary>
    public static BlockMatrix Blocks(BlockType type, int rows, int columns, byte[] content) => new("weight", type, rows, columns, Bytes(content));

    /// <summary>Native memory of this content.</summary>
    public static NativeBytes Bytes(byte[] content)
    {
        NativeBytes bytes = new(content.Length);
        content.CopyTo(bytes.Writable);
        return bytes;
    }

    /// <summary>Random codes with scales near 0.01; whole blocks.</summary>
    public static BlockMatrix Random(BlockType type, int rows, int columns, ulong seed)
    {
        byte[] content = new byte[rows * type.BytesOfRow(columns)];
        for (int i = 0; i < content.Length; i++) content[i] = (byte)CounterRandom.Bits(seed, 0, (ulong)i);
        int bytes = type.Format().Bytes;
        // Every half that is a scale becomes a small number; in F16 and BF16 that is every weight.
        int[] scales = type switch
        {
            BlockType.Q4_1 or BlockType.Q5_1 or BlockType.Q4_K or BlockType.Q5_K => [0, 2],
            BlockType.Q6_K => [208],
            _ => [0],
        };
        for (int block = 0; block < content.Length; block += bytes)
            foreach (int at in scales) MemoryMarshal.Write(content.AsSpan(block + at), (Half)(0.01f + 0.001f * content[block + at]));
        return Blocks(type, rows, columns, content);
    }

    /// <summary>One matrix of each kind of storage.</summary>
    public static IEnumerable<FrozenMatrix> All(int rows, int columns, ulong seed)
    {
        foreach (BlockType type in Enum.GetValues<BlockType>())
            if (columns % type.Format().Weights == 0) yield return Random(type, rows, columns, seed);
        float[] weights = Draw.Normal(seed, rows * columns);
        foreach (CodebookType type in Enum.GetValues<CodebookType>())
            foreach (bool nested in (bool[])[false, true])
                yield return CodebookMatrix.Quantize(weights, rows, columns, type, nested);
        yield return CodebookMatrix.Quantize(weights, rows, columns, blockSize: 32);
        yield return CodebookMatrix.Quantize(weights, rows, columns, nested: true, blockSize: 4096);
    }
}
