using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MoKA.Native.Autograd;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Ops;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Checkpoints;
using MoKA.Native.Tests.Ops;

namespace MoKA.Native.Tests.Quantization;

/// <summary>Floats and grouped bytes in a mapped file: read where they lie, copied where they lie across, and checked when used.</summary>
public sealed class MappedMatrixTests : IDisposable
{
    private const int Rows = 40, Columns = 96;
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(1)]
    [InlineData(6)]
    public void Floats_multiply_as_a_float_weight_does_wherever_they_lie(int offset)
    {
        float[] weights = Draw.Normal(1, Rows * Columns);
        using RawFile file = new(_folder.File("floats", [.. new byte[offset], .. MemoryMarshal.AsBytes<float>(weights)]));
        using FloatMatrix matrix = file.ReadFloats("weight", offset, Rows, Columns);
        Bits.Equal(weights, matrix.Values, "the floats");
        Assert.Equal(offset % 4 == 0, Same(matrix.Values, file.Buffer.Span(offset, 4)));
        Assert.Equal((WeightStorage.F32, "F32", 4L * Rows * Columns), (matrix.Storage!.Value, matrix.Format, matrix.StorageBytes));
        using Parameter dense = Draw.Parameter(new Shape(Rows, Columns), weights);
        dense.Trainable = false;
        foreach (Cpu cpu in Cpus.All)
            foreach (int tokens in (int[])[1, 2, 13])
            {
                using Parameter x = Draw.Parameter(2, new Shape(tokens, Columns)), same = Draw.Parameter(2, new Shape(tokens, Columns));
                using Tape tape = new(cpu);
                Tensor y = Op.FrozenMatMul(tape, x, matrix), expected = Op.MatMul(tape, same, dense, transposeB: true);
                float[] mix = Draw.Normal(3, y.Shape.Count);
                tape.Backward(Op.Add(tape, WeightedSum.Of(tape, y, mix), WeightedSum.Of(tape, expected, mix)));
                Bits.Equal(expected.Data, y.Data, $"{tokens} tokens on {cpu.InstructionSet}");
                Bits.Equal(same.Gradient, x.Gradient, $"the gradient of {tokens} tokens on {cpu.InstructionSet}");
            }
    }

    [Theory]
    [InlineData(32)]
    [InlineData(96)]
    [InlineData(5)]
    [InlineData(1)]
    [InlineData(Rows * Columns)]
    public void Bytes_are_times_the_scale_of_their_group(int groupSize)
    {
        using GroupedInt8Matrix matrix = Stored.Int8(Rows, Columns, groupSize, seed: 4);
        float[] actual = new float[Rows * Columns];
        matrix.Dequantize(actual);
        for (int i = 0; i < actual.Length; i++) Assert.Equal(matrix.Values[i] * matrix.Scales[i / groupSize], actual[i]);
        Assert.Equal(Rows * Columns + 4 * (Rows * Columns / groupSize), matrix.StorageBytes);
        Assert.Null(matrix.Storage);
    }

    [Fact]
    public void Rows_that_change_places_take_their_scales_along()
    {
        const int group = 32;
        byte[] values = [.. Draw.Integers(5, Rows * Columns, 0, 255).Select(q => (byte)q)];
        float[] scales = Draw.Normal(6, values.Length / group), plain = new float[values.Length], turned = new float[values.Length];
        // One byte in front: the scales lie across.
        using RawFile file = new(_folder.File("bytes", [0, .. values, .. MemoryMarshal.AsBytes<float>(scales)]));
        using GroupedInt8Matrix straight = file.ReadGroupedInt8("weight", 1, 1 + values.Length, Rows, Columns, group);
        using GroupedInt8Matrix reversed = file.ReadGroupedInt8("weight", 1, 1 + values.Length, Rows, Columns, group, row => Rows - 1 - row);
        straight.Dequantize(plain);
        reversed.Dequantize(turned);
        Bits.Equal(scales, straight.Scales, "the scales");
        for (int row = 0; row < Rows; row++) Bits.Equal(plain.AsSpan(row * Columns, Columns), turned.AsSpan((Rows - 1 - row) * Columns, Columns), $"row {row}");
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void Numbers_that_are_not_finite_are_named_when_they_are_used(float bad)
    {
        float[] weights = new float[64], scales = [1, bad];
        weights[40] = bad;
        using FloatMatrix floats = Stored.Floats(2, 32, weights);
        using GroupedInt8Matrix bytes = new("weight", 2, 32, 32, Stored.Bytes(Enumerable.Repeat((byte)1, 64).ToArray()), Stored.Bytes(MemoryMarshal.AsBytes<float>(scales).ToArray()));
        using Tape tape = new(Cpus.Scalar);
        using Parameter x = Draw.Parameter(1, new Shape(1, 32));
        foreach (FrozenMatrix matrix in (FrozenMatrix[])[floats, bytes])
        {
            ErrorLine.Of(() => Op.FrozenMatMul(tape, x, matrix), "weight", "finite");
            ErrorLine.Of(() => Op.Embedding(tape, matrix, new[] { 1 }), "weight", "finite");
            Assert.Equal(32, Op.Embedding(tape, matrix, new[] { 0 }).Data.Length);
        }
    }

    [Fact]
    public void A_scale_that_is_finite_but_gives_infinite_weights_is_refused()
    {
        using GroupedInt8Matrix bytes = new("weight", 1, 2, 2, Stored.Bytes([0x80, 1]), Stored.Bytes(BitConverter.GetBytes(3e38f)));
        using Tape tape = new(Cpus.Scalar);
        using Parameter x = Draw.Parameter(1, new Shape(1, 2));
        ErrorLine.Of(() => Op.FrozenMatMul(tape, x, bytes), "finite");
    }

    [Fact]
    public void Matrices_of_every_format_stay_in_their_file()
    {
        float[] weights = Draw.Normal(1, Rows * Columns);
        SafetensorsWriter writer = new();
        writer.Add("up", [Rows, Columns], weights);
        writer.Save(_folder.File("up.safetensors"));
        using SafetensorsFile tensors = new(_folder.File("up.safetensors"));
        using FloatMatrix one = tensors.ReadFloatMatrix("up", Rows, Columns);
        Assert.True(Same(one.Values, tensors.Bytes("up")));
        using GgufFile gguf = new(_folder.File("up.gguf", new GgufBytes().Tensor("up", GgmlType.F32, [Columns, Rows], MemoryMarshal.AsBytes<float>(weights).ToArray()).Tensor("down", GgmlType.Q8_0, [32, 1], new byte[34]).ToArray()));
        using FrozenMatrix two = gguf.ReadMatrix("up", Rows, Columns), three = gguf.ReadMatrix("down", 1, 32), turned = gguf.ReadMatrix("up", Rows, Columns, row => row);
        Assert.True(Same(((FloatMatrix)two).Values, gguf.Bytes("up")));
        Assert.True(Unsafe.AreSame(ref MemoryMarshal.GetReference(((BlockMatrix)three).Bytes), ref MemoryMarshal.GetReference(gguf.Bytes("down"))));
        Assert.False(Same(((FloatMatrix)turned).Values, gguf.Bytes("up")));
    }

    private static bool Same(ReadOnlySpan<float> values, ReadOnlySpan<byte> bytes) => Unsafe.AreSame(ref MemoryMarshal.GetReference(MemoryMarshal.AsBytes(values)), ref MemoryMarshal.GetReference(bytes));

    [Fact]
    public void Refuses_what_does_not_fit()
    {
        ErrorLine.Of(() => new FloatMatrix("up", 2, 3, Stored.Bytes(new byte[23])), "up: floats [2, 3] must take 24 bytes, got 23");
        ErrorLine.Of(() => new GroupedInt8Matrix("up", 2, 3, 4, Stored.Bytes(new byte[6]), Stored.Bytes(new byte[4])), "up", "whole groups", "groups of 4");
        ErrorLine.Of(() => new GroupedInt8Matrix("up", 2, 3, 0, Stored.Bytes(new byte[6]), Stored.Bytes(new byte[4])), "groups of 0");
        ErrorLine.Of(() => new GroupedInt8Matrix("up", 2, 3, 3, Stored.Bytes(new byte[5]), Stored.Bytes(new byte[8])), "must take 6 bytes, got 5");
        ErrorLine.Of(() => new GroupedInt8Matrix("up", 2, 3, 3, Stored.Bytes(new byte[6]), Stored.Bytes(new byte[4])), "must have 8 bytes of scales, got 4");
        using RawFile file = new(_folder.File("short", new byte[23]));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadFloats("up", 0, 2, 3));
    }
}
