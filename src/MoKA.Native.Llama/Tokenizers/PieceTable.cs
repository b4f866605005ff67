using System.Runtime.InteropServices;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>Finds the id of a piece from its bytes.</summary>
internal sealed class PieceTable
{
    // As in MergeTable: no real vocabulary comes near, and one made to collide ends here.
    private const int LongestProbe = 2048;

    private readonly Vocabulary _vocabulary;
    private readonly (uint Hash, int Id)[] _slots;

    /// <summary>Indexes some ids of a vocabulary; where two have the same bytes the first stays.</summary>
    public PieceTable(Vocabulary vocabulary, IReadOnlyCollection<int> ids)
    {
        _vocabulary = vocabulary;
        int size = 16;
        while (size < 2L * ids.Count) size *= 2;
        _slots = new (uint, int)[size];
        Array.Fill(_slots, (0u, -1));
        foreach (int id in ids) Add(id);
    }

    /// <summary>The id of the piece with these bytes, or -1.</summary>
    public int Find(ReadOnlySpan<byte> bytes)
    {
        uint hash = HashOf(bytes);
        for (uint i = hash; ; i++)
        {
            (uint other, int id) = _slots[i & (uint)(_slots.Length - 1)];
            if (id < 0 || (other == hash && _vocabulary.Bytes(id).SequenceEqual(bytes))) return id;
        }
    }

    private void Add(int id)
    {
        uint hash = HashOf(_vocabulary.Bytes(id));
        for (uint probe = 0; probe < LongestProbe; probe++)
        {
            ref (uint Hash, int Id) slot = ref _slots[(hash + probe) & (uint)(_slots.Length - 1)];
            if (slot.Id >= 0 && (slot.Hash != hash || !_vocabulary.Bytes(slot.Id).SequenceEqual(_vocabulary.Bytes(id)))) continue;
            if (slot.Id < 0) slot = (hash, id);
            return;
        }
        throw new MokaException("Tokenizer: its pieces all fall on one place of the table; it is made to waste time, fetch the file again.");
    }

    private static uint HashOf(ReadOnlySpan<byte> bytes)
    {
        ulong hash = (ulong)bytes.Length * 0x9E37_79B9_7F4A_7C15;
        for (; bytes.Length >= 8; bytes = bytes[8..]) hash = Mixed(hash ^ MemoryMarshal.Read<ulong>(bytes));
        ulong tail = 0;
        foreach (byte value in bytes) tail = tail << 8 | value;
        return (uint)(Mixed(hash ^ tail) >> 32);
    }

    private static ulong Mixed(ulong value)
    {
        value = (value ^ value >> 32) * 0xD6E8_FEB8_6659_FD93;
        return (value ^ value >> 29) * 0xBF58_476D_1CE4_E5B9;
    }
}
