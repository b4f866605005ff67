using System.Text.Json;
using MoKA.Native.Diagnostics;
using static MoKA.Native.Llama.Tokenizers.JsonMembers;

namespace MoKA.Native.Llama.Tokenizers;

/// <content>
/// The SentencePiece kind. The score of a piece is minus the number of pieces that merges before its first one make.
/// </content>
internal sealed partial class TokenizerJsonReader
{
    private SentencePieceTokenizer ReadSentencePiece(JsonElement model)
    {
        DummyPrefix prefix = ReadPrefix();
        bool bytes = model.Flag("byte_fallback") == true;
        string? unknown = model.Text("unk_token");
        Require(bytes || Known(unknown) is not null, "model must have byte_fallback or an unk_token of the vocabulary");
        Require(model.Flag("ignore_merges") != true, "model.ignore_merges must be false");
        if (Known(unknown) is { } unk) _types[unk] = PieceType.Unknown;
        for (int value = 0; bytes && value < 256; value++)
        {
            string piece = Llama2Layout.BytePiece(value);
            Require(_ids.TryGetValue(piece, out int id), $"model.byte_fallback needs the piece {piece}");
            _types[id] = PieceType.Byte;
        }
        List<Merge> merges = ReadMerges(model);
        return new SentencePieceTokenizer(new SentencePieceParts
        {
            Pieces = _pieces,
            Scores = Scores(merges),
            Types = _types,
            BosId = BosId(),
            EosId = EosId(),
            Prefix = prefix,
            FuseUnknown = model.Flag("fuse_unk") == true,
            Merges = merges,
            UserDefinedCuts = true,
        });
    }

    // Old files prepend and replace in the normalizer, new ones in a pre-tokenizer that does not split.
    private DummyPrefix ReadPrefix()
    {
        bool prepends = false, replaces = false;
        foreach (JsonElement step in root.Steps("normalizer", "normalizers"))
        {
            bool prepend = step.Text("type") == "Prepend" && step.Text("prepend") == "▁";
            bool replace = step.Text("type") == "Replace" && step.Text("content") == "▁" && step.Optional("pattern") is { } pattern && pattern.Text("String") == " ";
            Require(prepend || replace, $"normalizer may only prepend '▁' and replace ' ' by '▁', got {Type(step)}");
            (prepends, replaces) = (prepends | prepend, replaces | replace);
        }
        if (root.Optional("pre_tokenizer") is not { } metaspace)
        {
            Require(replaces, "normalizer must replace ' ' by '▁', or a pre_tokenizer Metaspace do it");
            return prepends ? DummyPrefix.Always : DummyPrefix.None;
        }
        Require(
            metaspace.Text("type") == "Metaspace" && metaspace.Text("replacement") == "▁" && metaspace.Flag("split") == false && !prepends && !replaces,
            $"pre_tokenizer may only be a Metaspace that does not split, without a normalizer, got {Type(metaspace)}");
        string scheme = metaspace.Text("prepend_scheme") ?? (metaspace.Flag("add_prefix_space") == false ? "never" : "always");
        Require(scheme is "first" or "always" or "never", $"prepend_scheme must be first, always or never, got {Quoted.Name(scheme)}");
        return scheme == "first" ? DummyPrefix.First : scheme == "always" ? DummyPrefix.UnlessSpaced : DummyPrefix.None;
    }

    private float[] Scores(List<Merge> merges)
    {
        float[] scores = new float[_pieces.Length];
        bool[] made = new bool[_pieces.Length];
        int count = 0;
        foreach (Merge merge in merges)
        {
            if (!made[merge.Piece]) scores[merge.Piece] = -count++;
            made[merge.Piece] = true;
        }
        for (int id = 0; id < scores.Length; id++)
        {
            if (!made[id] && _types[id] == PieceType.Normal) scores[id] = -count++;
        }
        return scores;
    }

    private static string Type(JsonElement step) => Quoted.Name(step.Text("type") ?? "");
}
