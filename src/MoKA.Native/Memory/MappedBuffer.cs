using System.IO.MemoryMappedFiles;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Memory;

/// <summary>
/// A file mapped read-only into memory. Pages are read when touched and shared between processes, so a model larger
/// than memory can be opened. Spans are valid until <see cref="Dispose"/>.
/// </summary>
public sealed unsafe class MappedBuffer : IDisposable
{
    // Both are null for an empty file, which the operating system refuses to map.
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private readonly byte* _start;
    private bool _disposed;

    /// <summary>Maps the whole file.</summary>
    /// <exception cref="MokaException">The file is missing, is not readable, or cannot be mapped.</exception>
    public MappedBuffer(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            Length = stream.Length;
            if (Length == 0)
            {
                return;
            }
            _file = MemoryMappedFile.CreateFromFile(stream, mapName: null, capacity: 0,
                MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            _view = _file.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            _file?.Dispose();
            throw new MokaException($"{Quoted.Plain(path)}: cannot be opened for reading ({Quoted.Plain(e.Message)}); " +
                "check that the file exists and may be read.", e);
        }
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        _start += _view.PointerOffset;
    }

    /// <summary>Unmaps the file when nothing reads it any more.</summary>
    ~MappedBuffer() => Release();

    /// <summary>Length of the file in bytes.</summary>
    public long Length { get; }

    /// <summary>The <paramref name="length"/> bytes from <paramref name="offset"/> on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the file.</exception>
    /// <exception cref="ObjectDisposedException">The buffer is disposed.</exception>
    public ReadOnlySpan<byte> Span(long offset, int length) => Span<byte>(offset, length);

    /// <summary>The <paramref name="count"/> values from byte <paramref name="offset"/> on, more bytes than a span of bytes could hold.</summary>
    internal ReadOnlySpan<T> Span<T>(long offset, int count) where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - (long)count * sizeof(T));
        return new ReadOnlySpan<T>(_start + offset, count);
    }

    /// <summary>Unmaps the file; spans handed out earlier must no longer be used.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }
        Release();
        _file?.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Release()
    {
        _disposed = true;
        _view?.SafeMemoryMappedViewHandle.ReleasePointer();
        _view?.Dispose();
    }
}
