using MoKA.Native.Cli.Screens;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Chat;
using MoKA.Native.Llama.Tokenizers;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary>The inside of a tokenizer.</summary>
internal static class InspectTokenizer
{
    private const int MostShown = 8;
    private const string Sample = "The king's 12 ships sailed at dawn, didn't they?";

    public static Inspection Of(string path)
    {
        Tokenizer tokenizer = TokenizerFile.Load(path);
        string? template = TokenizerConfigJson.Beside(path)?.ChatTemplate;
        int[] ids = tokenizer.Encode(Sample);
        return new Inspection("tokenizer",
        [
            new("kind", "tokenizer"),
            new("path", path),
            new("method", tokenizer is SentencePieceTokenizer ? "SentencePiece BPE" : "byte-level BPE"),
            new("pieces", Count(tokenizer.VocabularySize), tokenizer.VocabularySize),
            new("bos token", Token(tokenizer, tokenizer.BosId), tokenizer.BosId ?? -1),
            new("eos token", Token(tokenizer, tokenizer.EosId), tokenizer.EosId ?? -1),
            new("special tokens", Special(tokenizer), tokenizer.ControlIds.Select(id => Fact.Named(tokenizer.Piece(id), id))),
            new("chat template", template is null ? "none" : ChatTemplate.Recognise(template)?.Name ?? "of a kind that is not known", template ?? ""),
            new("example", $"{Sample} -> {string.Join(' ', ids.Select(id => Quoted.Plain(tokenizer.Piece(id))))}", ids.AsEnumerable()),
        ]);
    }

    private static string Special(Tokenizer tokenizer)
    {
        string few = string.Join(", ", tokenizer.ControlIds.Take(MostShown).Select(id => Token(tokenizer, id)));
        return tokenizer.ControlIds.Count > MostShown ? $"{tokenizer.ControlIds.Count}: {few}, ..." : few;
    }

    private static string Token(Tokenizer tokenizer, int? id) => id is { } known ? $"{known} {Quoted.Plain(tokenizer.Piece(known))}" : "none";
}
