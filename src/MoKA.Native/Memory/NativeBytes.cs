using MoKA.Native.Diagnostics;

namespace MoKA.Native.Memory;

/// <summary>
/// Bytes outside the managed heap that stay where they are: memory of their own, or a piece of a mapped file. Whoever
/// holds this keeps them; a span of them does not.
/// </summary>
internal sealed unsafe class NativeBytes : IDisposable
{
    private readonly AlignedBuffer? _own;
    private readonly MappedBuffer? _mapped;
    private readonly long _offset;

    /// <summary>Zeros.</summary>
    public NativeBytes(long length) => (_own, Length) = (new AlignedBuffer(length), length);

    /// <summary>A piece of a mapped file, read when it is touched.</summary>
    public NativeBytes(MappedBuffer mapped, long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, mapped.Length - length);
        (_mapped, _offset, Length) = (mapped, offset, length);
    }

    /// <summary>The same, copied unless it begins at a multiple of <paramref name="alignment"/>; a mapped file does.</summary>
    public static NativeBytes Aligned(MappedBuffer mapped, long offset, long length, int alignment)
    {
        NativeBytes piece = new(mapped, offset, length);
        if (offset % alignment == 0) return piece;
        NativeBytes copy = new(length);
        const int atOnce = 1 << 20;
        for (long done = 0; done < length; done += atOnce)
        {
            int some = (int)Math.Min(atOnce, length - done);
            mapped.Span(offset + done, some).CopyTo(new Span<byte>((byte*)copy._own!.Start + done, some));
        }
        return copy;
    }

    /// <summary>A copy of rows that lie one behind another in a mapped file; <paramref name="place"/> says where each comes to lie, each at a place of its own.</summary>
    public static NativeBytes Reordered(string name, MappedBuffer mapped, long offset, int rows, long bytesOfRow, Func<int, int> place)
    {
        if (rows * bytesOfRow > int.MaxValue) throw new MokaException($"{name}: must have at most {int.MaxValue} bytes for its rows to be put in order, got {rows * bytesOfRow}; use a model in fewer bits.");
        NativeBytes copy = new(rows * bytesOfRow);
        int length = (int)bytesOfRow;
        for (int row = 0; row < rows; row++) mapped.Span(offset + (long)row * length, length).CopyTo(copy.Writable.Slice(place(row) * length, length));
        return copy;
    }

    public long Length { get; }

    /// <summary>All of them.</summary>
    public ReadOnlySpan<byte> Span => _mapped is null ? _own!.Span<byte>(checked((int)Length)) : _mapped.Span(_offset, checked((int)Length));

    /// <summary>All of them as values, more bytes than a span of bytes could hold.</summary>
    public ReadOnlySpan<T> Values<T>() where T : unmanaged
    {
        int count = checked((int)(Length / sizeof(T)));
        return _mapped is null ? _own!.Span<T>(count) : _mapped.Span<T>(_offset, count);
    }

    /// <summary>All of them, to be written; a mapped file is read-only.</summary>
    public Span<byte> Writable => _own is null ? throw new InvalidOperationException("NativeBytes: a mapped file is read-only.") : _own.Span<byte>(checked((int)Length));

    /// <summary>Frees memory of its own; a mapped file stays open for the others who read it.</summary>
    public void Dispose() => _own?.Dispose();
}
