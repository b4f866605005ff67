using MoKA.Native.Diagnostics;
using MoKA.Native.Quantization;

namespace MoKA.Native.Checkpoints;

/// <summary>
/// Matrices in floats, half precision or ggml's blocks as tensors of a safetensors file: F32, F16 and BF16 [rows, columns],
/// blocks as U8 [rows, bytes of a row], a layout of this library.
/// </summary>
public static class StoredBlocks
{
    /// <summary>The matrix of a tensor. It stays in the mapped file, which must not be disposed while the matrix is used.</summary>
    /// <exception cref="MokaException">There is no such tensor, or its type or shape is another.</exception>
    public static BlockMatrix ReadBlocks(this SafetensorsReader file, string name, BlockType type, int rows, int columns)
    {
        (ElementType element, long width) = Layout(type, columns);
        (string label, TensorEntry entry) = Require(file, name, type.ToString(), element, rows, width);
        return new BlockMatrix(label, type, rows, columns, file.Mapped(entry));
    }

    /// <summary>The float matrix of a tensor. It stays in the mapped file, as above, unless its floats lie across the machine's.</summary>
    /// <exception cref="MokaException">There is no such tensor, or its type or shape is another.</exception>
    public static FloatMatrix ReadFloatMatrix(this SafetensorsReader file, string name, int rows, int columns)
    {
        (string label, TensorEntry entry) = Require(file, name, "floats", ElementType.F32, rows, columns);
        return new FloatMatrix(label, rows, columns, file.Mapped(entry, sizeof(float)));
    }

    /// <summary>Adds a matrix [rows, columns], which is asked for when the file is written.</summary>
    public static void AddBlocks(this SafetensorsWriter writer, string name, BlockType type, int rows, int columns, Func<BlockMatrix> matrix)
    {
        (ElementType element, long width) = Layout(type, columns);
        writer.Add(name, element, [rows, width], stream =>
        {
            BlockMatrix blocks = matrix();
            stream.Write(blocks.Bytes);
            GC.KeepAlive(blocks); // its memory is native and must outlive the span
        });
    }

    private static (string Label, TensorEntry Entry) Require(SafetensorsReader file, string name, string type, ElementType element, int rows, long width)
    {
        TensorEntry entry = file.Entry(name);
        string label = $"{Quoted.Plain(file.PathOf(name))}: {Quoted.Name(name)}";
        return entry.Type == element && entry.Dims.AsSpan().SequenceEqual([rows, width])
            ? (label, entry)
            : throw new MokaException($"{label} must be {type} as {element.FileName()} {Quoted.Dims([rows, width])}, got {entry.Type.FileName()} {Quoted.Dims(entry.Dims.AsSpan())}; check that the file belongs to this model.");
    }

    private static (ElementType Type, long Width) Layout(BlockType type, int columns) => type switch
    {
        BlockType.F16 => (ElementType.F16, columns),
        BlockType.BF16 => (ElementType.BF16, columns),
        _ => (ElementType.U8, type.BytesOfRow(columns)),
    };
}
