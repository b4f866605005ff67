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

    public long Length { get; }

    /// <summary>All of them.</summary>
    public ReadOnlySpan<byte> Span => _mapped is null ? _own!.Span<byte>(checked((int)Length)) : _mapped.Span(_offset, checked((int)Length));

    /// <summary>All of them, to be written; a mapped file is read-only.</summary>
    public Span<byte> Writable => _own is null ? throw new InvalidOperationException("NativeBytes: a mapped file is read-only.") : _own.Span<byte>(checked((int)Length));

    /// <summary>Frees memory of its own; a mapped file stays open for the others who read it.</summary>
    public void Dispose() => _own?.Dispose();
}
