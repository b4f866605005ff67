using MoKA.Native.Diagnostics;
using MoKA.Native.Quantization;

namespace MoKA.Native.Checkpoints;

/// <summary>
/// Matrices in half precision or ggml's blocks as tensors of a safetensors file: F16 and BF16 [rows, columns], blocks as
/// U8 [rows, bytes of a row], a layout of this library.
/// </summary>
public static class StoredBlocks
{
    /// <summary>The matrix of a tensor. It stays in the mapped file, which must not be disposed while the matrix is used.</summary>
    /// <exception cref="MokaException">There is no such tensor, or its type or shape is another.</exception>
    public static BlockMatrix ReadBlocks(this SafetensorsReader file, string name, BlockType type, int rows, int columns)
    {
        TensorEntry entry = file.Entry(name);
        string label = $"{Quoted.Plain(file.PathOf(name))}: {Quoted.Name(name)}";
        (ElementType element, long width) = Layout(type, columns);
        if (entry.Type != element || !entry.Dims.AsSpan().SequenceEqual([rows, width]))
            throw new MokaException($"{label} must be {type} as {element.FileName()} {Quoted.Dims([rows, width])}, got {entry.Type.FileName()} {Quoted.Dims(entry.Dims.AsSpan())}; check that the file belongs to this model.");
        return new BlockMatrix(label, type, rows, columns, file.Mapped(entry));
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

    private static (ElementType Type, long Width) Layout(BlockType type, int columns) => type switch
    {
        BlockType.F16 => (ElementType.F16, columns),
        BlockType.BF16 => (ElementType.BF16, columns),
        _ => (ElementType.U8, type.BytesOfRow(columns)),
    };
}
