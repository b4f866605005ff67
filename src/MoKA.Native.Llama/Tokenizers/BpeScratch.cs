using System.Buffers;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>The working memory of one encoding: borrowed when first needed, given back at its end.</summary>
internal struct BpeScratch : IDisposable
{
    private int[]? _symbols, _links;
    private ulong[]? _queue;
    private byte[]? _bytes;
    private char[]? _chars;

    /// <summary>The symbols that merge, of any content.</summary>
    public Span<int> Symbols(int count) => Borrow(ref _symbols, count).AsSpan(0, count);

    /// <summary>What <see cref="MergeTable"/> notes beside each symbol.</summary>
    public Span<int> Links(int count) => Borrow(ref _links, count).AsSpan(0, count);

    /// <summary>The candidates of <see cref="MergeTable"/>.</summary>
    public Span<ulong> Queue(int count) => Borrow(ref _queue, count).AsSpan(0, count);

    /// <summary>A word in UTF-8.</summary>
    public Span<byte> Bytes(int count) => Borrow(ref _bytes, count).AsSpan(0, count);

    /// <summary>A text as symbols are cut from it.</summary>
    public Span<char> Chars(int count) => Borrow(ref _chars, count).AsSpan(0, count);

    public void Dispose()
    {
        Return(ref _symbols);
        Return(ref _links);
        Return(ref _queue);
        Return(ref _bytes);
        Return(ref _chars);
    }

    private static T[] Borrow<T>(ref T[]? array, int count)
    {
        if (array is null || array.Length < count)
        {
            Return(ref array);
            array = ArrayPool<T>.Shared.Rent(count);
        }
        return array;
    }

    private static void Return<T>(ref T[]? array)
    {
        if (array is not null) ArrayPool<T>.Shared.Return(array);
        array = null;
    }
}
