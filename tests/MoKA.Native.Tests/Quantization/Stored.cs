using System.Runtime.InteropServices;
using MoKA.Native.Diagnostics;
using MoKA.Native.Memory;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Quantization;

/// <summary>Stored matrices of every kind, for tests.</summary>
internal static class Stored
{
    /// <summary>Everything a weight can be quantised to.</summary>
    public static TheoryData<WeightStorage> Storages => [.. Enum.GetValues<WeightStorage>().Where(s => s is not (WeightStorage.F32 or WeightStorage.Other))];

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
        WriteScales(type, content, code => 0.01f + 0.001f * code);
        return Blocks(type, rows, columns, content);
    }

    /// <summary>Writes the scales and minima of all blocks, each made of its first byte.</summary>
    public static void WriteScales(BlockType type, byte[] content, Func<byte, float> scale)
    {
        int bytes = type.Format().Bytes;
        // Every half that is a scale becomes a small number; in F16 and BF16 that is every weight.
        int[] scales = type switch
        {
            BlockType.Q4_1 or BlockType.Q5_1 or BlockType.Q4_K or BlockType.Q5_K => [0, 2],
            BlockType.Q6_K => [208],
            BlockType.Q2_K => [80, 82],
            BlockType.Q3_K => [108],
            _ => [0],
        };
        for (int block = 0; block < content.Length; block += bytes)
            foreach (int at in scales) MemoryMarshal.Write(content.AsSpan(block + at), (Half)scale(content[block + at]));
    }

    /// <summary>A matrix of these floats.</summary>
    public static FloatMatrix Floats(int rows, int columns, float[] weights) => new("weight", rows, columns, Bytes(MemoryMarshal.AsBytes<float>(weights).ToArray()));

    /// <summary>Random bytes with scales near 0.01.</summary>
    public static GroupedInt8Matrix Int8(int rows, int columns, int groupSize, ulong seed)
    {
        byte[] values = [.. Draw.Integers(seed, rows * columns, 0, 255).Select(q => (byte)q)];
        float[] scales = [.. Draw.Normal(seed + 1, values.Length / groupSize).Select(x => 0.01f + 0.001f * x)];
        return new GroupedInt8Matrix("weight", rows, columns, groupSize, Bytes(values), Bytes(MemoryMarshal.AsBytes<float>(scales).ToArray()));
    }

    /// <summary>One matrix of each kind of storage.</summary>
    public static IEnumerable<FrozenMatrix> All(int rows, int columns, ulong seed)
    {
        foreach (BlockType type in Enum.GetValues<BlockType>())
            if (columns % type.Format().Weights == 0) yield return Random(type, rows, columns, seed);
        float[] weights = Draw.Normal(seed, rows * columns);
        yield return Floats(rows, columns, weights);
        foreach (int groupSize in (int[])[1, columns, rows * columns])
            if (groupSize > 0) yield return Int8(rows, columns, groupSize, seed);
        foreach (CodebookType type in Enum.GetValues<CodebookType>())
            foreach (bool nested in (bool[])[false, true])
                yield return CodebookMatrix.Quantize(weights, rows, columns, type, nested);
        yield return CodebookMatrix.Quantize(weights, rows, columns, blockSize: 32);
        yield return CodebookMatrix.Quantize(weights, rows, columns, nested: true, blockSize: 4096);
    }
}
