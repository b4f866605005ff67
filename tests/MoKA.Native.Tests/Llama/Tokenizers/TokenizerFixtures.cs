using System.Text;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Tokenizers;

/// <summary>Tokenizers that several test classes share, and the naive encoder that they are compared with.</summary>
internal static class TokenizerFixtures
{
    public const string Story =
        "Once upon a time, there was a little girl named Lily. She loved to play outside in the park.\n" +
        "One day, she saw a big, red ball. She wanted to play with it, but it was too high.\n" +
        "Lily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do.\n" +
        "She said, \"I want to play with your ball, but I can't find it.\" There were 12 balls in the 3 boxes.\n";

    /// <summary>Trained on <see cref="Story"/>: 400 ids.</summary>
    public static readonly SentencePieceTokenizer Small = TokenizerTrainer.Train([Story], 400);

    /// <summary>The pieces of <see cref="Small"/> with or without ends of a sequence.</summary>
    public static SentencePieceTokenizer WithEnds(bool bos, bool eos)
    {
        int[] ids = [.. Enumerable.Range(0, Small.VocabularySize)];
        return SentencePieceTokenizer.Create(
            [.. ids.Select(Small.Piece)], [.. ids.Select(Small.Score)], [.. ids.Select(id => (int)Small.Vocabulary.Type(id))], bos ? 1 : null, eos ? 2 : null, unk: 0);
    }

    /// <summary>A random tokenizer over the letters a, b, c and the space, with equal scores among its pieces, and with ü only inside pieces.</summary>
    public static SentencePieceTokenizer Random(int seed, bool spacesInside = true)
    {
        Random random = new(seed);
        List<string> pieces = [.. Enumerable.Range(0, 259).Select(Llama2Layout.Piece), "▁", "a", "b", "c"];
        List<float> scores = [.. new float[pieces.Count]];
        for (int i = 0; i < 30; i++)
        {
            string Part() => random.Next(12) == 0 ? "ü" : pieces[random.Next(259, pieces.Count)];
            string piece = Part() + Part();
            if (piece.Length <= 6 && !pieces.Contains(piece) && (spacesInside || !piece.TrimStart('▁').Contains('▁')))
            {
                pieces.Add(piece);
                scores.Add(-random.Next(8));
            }
        }

        return Llama2Layout.Create(pieces, scores);
    }

    /// <summary>The definition: look at all adjacent pairs, join the first with the best score, start again.</summary>
    public static int[] NaiveEncode(SentencePieceTokenizer tokenizer, string text)
    {
        List<string> symbols = [.. SentencePieceTokenizer.Escape(text, tokenizer.Prefix == DummyPrefix.Always).EnumerateRunes().Select(rune => rune.ToString())];
        while (true)
        {
            int best = -1;
            float bestScore = float.NegativeInfinity;
            for (int i = 0; i + 1 < symbols.Count; i++)
            {
                if (tokenizer.TryGetId(symbols[i] + symbols[i + 1], out int id) && id >= 259 && tokenizer.Score(id) > bestScore)
                {
                    best = i;
                    bestScore = tokenizer.Score(id);
                }
            }

            if (best < 0)
            {
                break;
            }

            symbols[best] += symbols[best + 1];
            symbols.RemoveAt(best + 1);
        }

        return [.. symbols.SelectMany(symbol => tokenizer.TryGetId(symbol, out int id) && id >= 259
            ? [id]
            : Encoding.UTF8.GetBytes(symbol).Select(value => 3 + value))];
    }
}
