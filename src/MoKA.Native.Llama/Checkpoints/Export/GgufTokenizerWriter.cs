using System.Text;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Checkpoints.Export;

/// <summary>Writes a tokenizer into a GGUF file's metadata, and refuses one that would cut words another way when read back.</summary>
internal static class GgufTokenizerWriter
{
    private const float ScoreOfPadding = -1000;

    /// <summary>Pieces, their types, and scores or merges; ids of the model beyond the tokenizer's are unused ones.</summary>
    /// <exception cref="MokaException">The tokenizer's merges or its way to cut words cannot be told there.</exception>
    public static void Write(GgufWriter writer, Tokenizer tokenizer, int vocabulary)
    {
        int known = tokenizer.VocabularySize;
        string[] tokens = [.. Enumerable.Range(0, vocabulary).Select(id => id < known ? tokenizer.Piece(id) : $"[PAD{id}]")];
        int[] types = [.. Enumerable.Range(0, vocabulary).Select(id => (int)(id < known ? tokenizer.Vocabulary.Type(id) : PieceType.Unused))];
        if (tokenizer is SentencePieceTokenizer pieces)
        {
            float[] scores = [.. Enumerable.Range(0, vocabulary).Select(id => id < known ? pieces.Score(id) : ScoreOfPadding)];
            bool prefix = pieces.Prefix != DummyPrefix.None;
            RequireAlike(tokenizer, SentencePieceTokenizer.Create(tokens, scores, types, tokenizer.BosId, tokenizer.EosId, pieces.UnknownId, prefix));
            writer.Add(GgufNames.TokenModel, "llama");
            writer.Add(GgufNames.TokenPre, "default");
            writer.Add(GgufNames.Tokens, tokens);
            writer.Add(GgufNames.Scores, scores);
            writer.Add(GgufNames.TokenTypes, types);
            writer.Add(GgufNames.AddSpacePrefix, prefix);
            if (pieces.UnknownId is { } unknown) writer.Add(GgufNames.Unknown, (uint)unknown);
        }
        else
        {
            ByteLevelTokenizer bytes = (ByteLevelTokenizer)tokenizer;
            string pre = SplitPatterns.NameOf(bytes.Pattern);
            string[] merges = [.. bytes.Merges.InOrder().Select(m => $"{tokens[m.Left]} {tokens[m.Right]}")];
            RequireAlike(tokenizer, ByteLevelTokenizer.Create(tokens, types, merges, pre, tokenizer.BosId, tokenizer.EosId));
            writer.Add(GgufNames.TokenModel, "gpt2");
            writer.Add(GgufNames.TokenPre, pre);
            writer.Add(GgufNames.Tokens, tokens);
            writer.Add(GgufNames.TokenTypes, types);
            writer.Add(GgufNames.Merges, merges);
        }
        writer.Add(GgufNames.AddBos, tokenizer.BosId is not null);
        writer.Add(GgufNames.AddEos, false);
    }

    /// <summary>The ids that open and end a text: one to open, up to three to end.</summary>
    public static void WriteEnds(GgufWriter writer, LlamaConfig config, Tokenizer? tokenizer, List<string> notes)
    {
        if ((tokenizer?.BosId ?? config.BosTokenId) is { } bos) writer.Add(GgufNames.Bos, (uint)bos);
        int[] ends = [.. config.EosTokenIds.Distinct()];
        // The end of a text, of a turn, and of a message that a tool answers.
        int? eos = ends.Contains(tokenizer?.EosId ?? -1) ? tokenizer!.EosId : ends.Length > 0 ? ends[0] : tokenizer?.EosId;
        int[] others = [.. ends.Where(id => id != eos)];
        int? eom = others.Length > 1 ? others.Where(id => tokenizer is not null && id < tokenizer.VocabularySize && tokenizer.Piece(id) == "<|eom_id|>").DefaultIfEmpty(others[1]).First() : null;
        int? eot = others.Where(id => id != eom).Select(id => (int?)id).FirstOrDefault();
        if (eos is { } end) writer.Add(GgufNames.Eos, (uint)end);
        if (eot is { } turn) writer.Add(GgufNames.Eot, (uint)turn);
        if (eom is { } message) writer.Add(GgufNames.Eom, (uint)message);
        if (others.Length > 2) notes.Add($"the model ends texts at {ends.Length} ids, of which GGUF has room for three: {string.Join(", ", others.Where(id => id != eot && id != eom))} are left out");
    }

    // Every piece's own text, by both: what was lost shows in some of them.
    private static void RequireAlike(Tokenizer before, Tokenizer after)
    {
        UTF8Encoding strict = new(false, throwOnInvalidBytes: true);
        List<int> expected = [], actual = [];
        for (int id = 0; id < before.VocabularySize; id++)
        {
            if (before.Vocabulary.Type(id) != PieceType.Normal || !TryText(before.Bytes(id), out string text)) continue;
            // Where its own space goes is a matter of its own.
            if (before is SentencePieceTokenizer) text = text.TrimStart(' ');
            expected.Clear();
            actual.Clear();
            before.Encode(text, expected);
            after.Encode(text, actual);
            if (!expected.SequenceEqual(actual))
                throw new MokaException($"GGUF: it keeps {(before is SentencePieceTokenizer ? "the scores of pieces" : "merges and the name of a way to cut words")}, and by these {Quoted.Name(text)} would be cut into other pieces than by this tokenizer; give another tokenizer of the model, such as its tokenizer.model, or export to a folder.");
        }

        bool TryText(ReadOnlySpan<byte> bytes, out string text)
        {
            try
            {
                text = strict.GetString(bytes);
                return true;
            }
            // A piece may be a part of a character.
            catch (DecoderFallbackException)
            {
                text = "";
                return false;
            }
        }
    }
}
