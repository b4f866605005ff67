using System.Runtime.InteropServices;
using System.Text;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>
/// Learns a byte-fallback BPE from text: starting from single characters, the most frequent adjacent pair becomes a
/// piece until the vocabulary is full. No piece crosses the start of a word, a line end, or the border between letters
/// and punctuation, and digits stay single. Equal counts are decided by ordinal order, so the result depends on the
/// text alone.
/// </summary>
/// <remarks>
/// Works on counted words with incremental pair counts. Source: Sennrich, Haddow and Birch, "Neural machine translation
/// of rare words with subword units", 2016.
/// </remarks>
public sealed class TokenizerTrainer
{
    // Characters are kept as pieces until this share of the text is covered; the rest is spelt in bytes.
    private const double CharacterCoverage = 0.9999;

    private readonly List<string> _pieces = [];
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly List<(int[] Symbols, long Count)> _words = [];
    private readonly Dictionary<(int Left, int Right), long> _counts = [];
    private readonly Dictionary<(int Left, int Right), HashSet<int>> _occurrences = [];
    private readonly PriorityQueue<(int Left, int Right), Rank> _queue = new();

    private TokenizerTrainer()
    {
    }

    /// <summary>Learns a tokenizer.</summary>
    /// <param name="documents">The text; read once. A document is taken as <see cref="Tokenizer.Encode(string, bool, bool)"/> takes one text.</param>
    /// <param name="vocabularySize">The number of ids wanted, with the 259 special and byte pieces.</param>
    /// <param name="addDummyPrefix">Whether "▁" is put before each text.</param>
    /// <exception cref="MokaException">The vocabulary cannot hold the characters, or the text has too few pairs to fill it.</exception>
    public static SentencePieceTokenizer Train(IEnumerable<string> documents, int vocabularySize, bool addDummyPrefix = true)
    {
        TokenizerTrainer trainer = new();
        Dictionary<string, long> words = WordSplitter.Count(documents, addDummyPrefix);
        List<string> characters = Characters(words);
        int merges = vocabularySize - Llama2Layout.FirstPieceId - characters.Count;
        if (merges < 0)
        {
            throw new MokaException(
                $"TokenizerTrainer: the vocabulary must hold {Llama2Layout.FirstPieceId} special pieces and {characters.Count} characters, got {vocabularySize}; ask for a larger one.");
        }

        trainer.AddWords(words, characters);
        trainer.AddMerges(merges, vocabularySize);
        return trainer.Build(characters.Count, addDummyPrefix);
    }

    private static List<string> Characters(Dictionary<string, long> words)
    {
        Dictionary<Rune, long> counts = [];
        foreach ((string word, long count) in words)
        {
            foreach (Rune rune in word.EnumerateRunes())
            {
                CollectionsMarshal.GetValueRefOrAddDefault(counts, rune, out _) += count;
            }
        }

        double left = counts.Values.Sum() * CharacterCoverage;
        List<string> characters = [];
        foreach ((Rune rune, long count) in counts.OrderByDescending(entry => entry.Value).ThenBy(entry => entry.Key.Value))
        {
            if (left > 0)
            {
                characters.Add(rune.ToString());
                left -= count;
            }
        }

        return characters;
    }

    private void AddWords(Dictionary<string, long> words, List<string> characters)
    {
        foreach (string character in characters)
        {
            _ids.Add(character, _pieces.Count);
            _pieces.Add(character);
        }

        foreach ((string word, long count) in words)
        {
            // A rare character is no piece and parts the word; -1 takes part in no pair.
            int[] symbols = [.. word.EnumerateRunes().Select(rune => _ids.GetValueOrDefault(rune.ToString(), -1))];
            foreach ((int, int) pair in Pairs(symbols))
            {
                Change(pair, count, _words.Count);
            }

            _words.Add((symbols, count));
        }

        foreach ((int Left, int Right) pair in _counts.Keys)
        {
            Enqueue(pair);
        }
    }

    private void AddMerges(int merges, int vocabularySize)
    {
        int made = 0;
        while (made < merges)
        {
            if (!_queue.TryDequeue(out (int Left, int Right) pair, out Rank rank))
            {
                throw new MokaException(
                    $"TokenizerTrainer: the text has pairs for {vocabularySize - merges + made} ids, {vocabularySize} are wanted; give more text or ask for fewer.");
            }

            long count = _counts.GetValueOrDefault(pair);
            if (count != rank.Count)
            {
                // The count fell since the pair was queued.
                if (count > 0)
                {
                    Enqueue(pair);
                }

                continue;
            }

            string joined = _pieces[pair.Left] + _pieces[pair.Right];
            if (!_ids.TryGetValue(joined, out int piece))
            {
                piece = _pieces.Count;
                _ids.Add(joined, piece);
                _pieces.Add(joined);
                made++;
            }

            Merge(pair, piece);
        }
    }

    private void Merge((int Left, int Right) pair, int piece)
    {
        HashSet<(int, int)> grown = [];
        foreach (int index in _occurrences[pair])
        {
            (int[] symbols, long count) = _words[index];
            List<(int, int)> before = Pairs(symbols);
            int length = 0;
            for (int i = 0; i < symbols.Length; i++)
            {
                bool here = i + 1 < symbols.Length && symbols[i] == pair.Left && symbols[i + 1] == pair.Right;
                symbols[length++] = here ? piece : symbols[i];
                i += here ? 1 : 0;
            }

            symbols = symbols[..length];
            _words[index] = (symbols, count);
            foreach ((int, int) old in before)
            {
                Change(old, -count, index);
            }

            foreach ((int, int) now in Pairs(symbols))
            {
                Change(now, count, index);
                grown.Add(now);
            }
        }

        _counts.Remove(pair);
        _occurrences.Remove(pair);
        foreach ((int Left, int Right) other in grown)
        {
            if (other.Left == piece || other.Right == piece)
            {
                Enqueue(other);
            }
        }
    }

    private static List<(int, int)> Pairs(int[] symbols)
    {
        List<(int, int)> pairs = [];
        for (int i = 0; i + 1 < symbols.Length; i++)
        {
            if (symbols[i] >= 0 && symbols[i + 1] >= 0)
            {
                pairs.Add((symbols[i], symbols[i + 1]));
            }
        }

        return pairs;
    }

    private void Change((int Left, int Right) pair, long by, int word)
    {
        CollectionsMarshal.GetValueRefOrAddDefault(_counts, pair, out _) += by;
        if (by > 0)
        {
            ref HashSet<int>? words = ref CollectionsMarshal.GetValueRefOrAddDefault(_occurrences, pair, out _);
            (words ??= []).Add(word);
        }
    }

    private void Enqueue((int Left, int Right) pair) =>
        _queue.Enqueue(pair, new Rank(_counts[pair], _pieces[pair.Left], _pieces[pair.Right]));

    // LLaMA-2's order: merged pieces as they were learnt, then the characters; each scores below the one before.
    private SentencePieceTokenizer Build(int characters, bool addDummyPrefix)
    {
        IEnumerable<string> all = Enumerable.Range(0, Llama2Layout.FirstPieceId).Select(Llama2Layout.Piece)
            .Concat(_pieces.Skip(characters)).Concat(_pieces.Take(characters));
        float[] scores = new float[Llama2Layout.FirstPieceId + _pieces.Count];
        for (int i = 0; i < _pieces.Count; i++)
        {
            scores[Llama2Layout.FirstPieceId + i] = -i;
        }

        return Llama2Layout.Create([.. all], scores, addDummyPrefix ? DummyPrefix.Always : DummyPrefix.None);
    }

    private readonly record struct Rank(long Count, string Left, string Right) : IComparable<Rank>
    {
        public int CompareTo(Rank other)
        {
            int order = other.Count.CompareTo(Count);
            order = order != 0 ? order : string.CompareOrdinal(Left, other.Left);
            return order != 0 ? order : string.CompareOrdinal(Right, other.Right);
        }
    }
}
