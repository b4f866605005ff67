using System.Buffers;
using System.Text;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>The pieces of a tokenizer by id, their types, and the bytes that each stands for.</summary>
internal sealed class Vocabulary
{
    /// <summary>The most pieces a vocabulary may have: eight times those of the largest in use.</summary>
    public const int MaxSize = 1 << 21;

    /// <summary>The most characters a piece may have. A longer one cannot be told from an attempt to waste time.</summary>
    public const int MaxPieceLength = 256;

    private readonly string[] _pieces;
    private readonly PieceType[] _types;
    private readonly Dictionary<string, int> _ids;
    private readonly int[] _ends;
    private readonly byte[] _bytes;

    /// <summary>Writes the bytes of a piece that has text and returns how many, or -1 if the piece is not well formed.</summary>
    public delegate int Spelling(string piece, PieceType type, Span<byte> bytes);

    public Vocabulary(IReadOnlyList<string> pieces, PieceType[] types, Spelling spelling)
    {
        if (pieces.Count is 0 or > MaxSize) throw new MokaException($"Tokenizer: must have 1 to {MaxSize} pieces, got {pieces.Count}; fetch the file again.");
        (_pieces, _types) = ([.. pieces], types);
        _ids = new Dictionary<string, int>(_pieces.Length, StringComparer.Ordinal);
        _ends = new int[_pieces.Length];
        ArrayBufferWriter<byte> bytes = new(8 * _pieces.Length);
        for (int id = 0; id < _pieces.Length; id++)
        {
            string piece = _pieces[id];
            if (piece.Length is 0 or > MaxPieceLength || !IsWellFormed(piece))
                throw new MokaException($"Tokenizer: a piece must be 1 to {MaxPieceLength} characters of Unicode, piece {id} is not; fetch the file again.");
            if (!Enum.IsDefined(types[id])) throw new MokaException($"Tokenizer: the type of a piece must be 1 to 6, piece {id} has {(int)types[id]}; fetch the file again.");
            if (!_ids.TryAdd(piece, id)) throw new MokaException($"Tokenizer: pieces must differ, {_ids[piece]} and {id} are both {Quoted.Name(piece)}; fetch the file again.");
            if (types[id] is not (PieceType.Control or PieceType.Unknown))
            {
                int count = spelling(piece, types[id], bytes.GetSpan(3 * MaxPieceLength));
                if (count < 0) throw new MokaException($"Tokenizer: piece {id} is not spelt as its kind of vocabulary spells bytes, got {Quoted.Name(piece)}; fetch the file again.");
                bytes.Advance(count);
            }
            _ends[id] = bytes.WrittenCount;
        }
        _bytes = bytes.WrittenSpan.ToArray();
    }

    public int Count => _pieces.Length;

    public string this[int id] => _pieces[id];

    public PieceType Type(int id) => _types[id];

    public bool TryGetId(string piece, out int id) => _ids.TryGetValue(piece, out id);

    public Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> Lookup => _ids.GetAlternateLookup<ReadOnlySpan<char>>();

    public ReadOnlySpan<byte> Bytes(int id)
    {
        int start = id == 0 ? 0 : _ends[id - 1];
        return _bytes.AsSpan(start, _ends[id] - start);
    }

    /// <summary>The ids of some types, ascending.</summary>
    public IEnumerable<int> Of(params PieceType[] types) => Enumerable.Range(0, Count).Where(id => types.Contains(_types[id]));

    /// <summary>The merges, none of which may make a special token or a byte out of text.</summary>
    public IReadOnlyCollection<Merge> Checked(IReadOnlyCollection<Merge> merges)
    {
        foreach (Merge merge in merges)
        {
            if (_types[merge.Piece] is PieceType.Unknown or PieceType.Control or PieceType.Byte)
                throw new MokaException($"Tokenizer: a merge must make a piece of text, one makes {Quoted.Name(_pieces[merge.Piece])}; fetch the file again.");
        }
        return merges;
    }

    private static bool IsWellFormed(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(text, out _, out int length) != OperationStatus.Done) return false;
            text = text[length..];
        }
        return true;
    }
}
