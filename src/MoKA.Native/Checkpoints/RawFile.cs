using MoKA.Native.Diagnostics;
using MoKA.Native.Memory;
using MoKA.Native.Quantization;

namespace MoKA.Native.Checkpoints;

/// <summary>
/// A mapped file whose matrices lie where the caller says, for formats that list nothing themselves. It must not be disposed while
/// they are used.
/// </summary>
public sealed class RawFile : IDisposable
{
    /// <summary>Maps the file.</summary>
    /// <exception cref="MokaException">The file cannot be read.</exception>
    public RawFile(string path) => (Path, Buffer) = (path, new MappedBuffer(path));

    /// <summary>The path the file was opened by.</summary>
    public string Path { get; }

    /// <summary>All its bytes.</summary>
    public MappedBuffer Buffer { get; }

    /// <summary>Floats [rows, columns], row after row; copied where they lie across the machine's.</summary>
    /// <param name="name">What errors call the matrix.</param>
    /// <param name="offset">Its first byte.</param>
    /// <param name="rows">How many outputs.</param>
    /// <param name="columns">How many inputs.</param>
    /// <param name="place">Where a row of the file comes to lie, each at a place of its own, in memory of the matrix's own; nothing leaves them where they are.</param>
    /// <exception cref="ArgumentOutOfRangeException">The matrix leaves the file.</exception>
    public FloatMatrix ReadFloats(string name, long offset, int rows, int columns, Func<int, int>? place = null) =>
        new(name, rows, columns, Piece(name, offset, rows, (long)columns * sizeof(float), sizeof(float), place));

    /// <summary>Bytes [rows, columns] with a float scale for each group, as above.</summary>
    /// <param name="name">What errors call the matrix.</param>
    /// <param name="values">The first byte of the values.</param>
    /// <param name="scales">The first byte of the scales.</param>
    /// <param name="rows">How many outputs.</param>
    /// <param name="columns">How many inputs.</param>
    /// <param name="groupSize">Weights that share a scale; divides a row when rows change places.</param>
    /// <param name="place">As above.</param>
    /// <exception cref="ArgumentOutOfRangeException">The matrix leaves the file.</exception>
    public GroupedInt8Matrix ReadGroupedInt8(string name, long values, long scales, int rows, int columns, int groupSize, Func<int, int>? place = null) => new(name, rows, columns, groupSize,
        Piece(name, values, rows, columns, alignment: 1, place),
        place is null
            ? NativeBytes.Aligned(Buffer, scales, (long)rows * columns / groupSize * sizeof(float), sizeof(float))
            : Piece(name, scales, rows, (long)columns / groupSize * sizeof(float), sizeof(float), place));

    /// <summary>Closes the file; its matrices must no longer be used.</summary>
    public void Dispose() => Buffer.Dispose();

    private NativeBytes Piece(string name, long offset, int rows, long bytesOfRow, int alignment, Func<int, int>? place) =>
        place is null ? NativeBytes.Aligned(Buffer, offset, rows * bytesOfRow, alignment) : NativeBytes.Reordered(name, Buffer, offset, rows, bytesOfRow, place);
}
