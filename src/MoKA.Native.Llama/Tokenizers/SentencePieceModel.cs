using System.Text;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>Reads SentencePiece's <c>tokenizer.model</c>, a protobuf message (sentencepiece_model.proto), of model type BPE and without a normaliser.</summary>
internal static class SentencePieceModel
{
    private const int Bpe = 2;
    private static readonly string[] ModelTypes = ["", "unigram", "bpe", "word", "char"];

    /// <summary>Reads the tokenizer.</summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="config">What may name BOS and EOS, and whether text after a special token gets a prefix of its own, as it does unless this says otherwise.</param>
    public static SentencePieceTokenizer Parse(ReadOnlySpan<byte> file, TokenizerConfigJson? config)
    {
        List<string> pieces = [];
        List<float> scores = [];
        List<PieceType> types = [];
        Trainer trainer = default;
        Normalizer normalizer = default;
        ProtobufReader model = new(file);
        while (model.MoveNext())
        {
            switch (model.Field)
            {
                case 1:
                    ReadPiece(model.Bytes, pieces, scores, types);
                    break;
                case 2:
                    trainer = ReadTrainer(model.Bytes);
                    break;
                case 3:
                    normalizer = ReadNormalizer(model.Bytes);
                    break;
            }
        }
        Check(trainer, normalizer);
        return new SentencePieceTokenizer(new SentencePieceParts
        {
            Pieces = pieces,
            Scores = scores,
            Types = [.. types],
            BosId = Id(pieces, types, config?.BosToken) ?? Id(pieces, types, trainer.BosPiece ?? "<s>"),
            EosId = Id(pieces, types, config?.EosToken) ?? Id(pieces, types, trainer.EosPiece ?? "</s>"),
            Prefix = normalizer.NoPrefix ? DummyPrefix.None : config?.Legacy == false ? DummyPrefix.First : DummyPrefix.Always,
        });
    }

    private static void ReadPiece(ReadOnlySpan<byte> message, List<string> pieces, List<float> scores, List<PieceType> types)
    {
        string piece = "";
        float score = 0;
        ulong type = (ulong)PieceType.Normal;
        ProtobufReader fields = new(message);
        while (fields.MoveNext())
        {
            switch (fields.Field)
            {
                case 1:
                    piece = Text(fields.Bytes);
                    break;
                case 2:
                    score = fields.Float;
                    break;
                case 3:
                    type = fields.Value;
                    break;
            }
        }
        if (pieces.Count == Vocabulary.MaxSize) throw new MokaException($"must have at most {Vocabulary.MaxSize} pieces, got more; fetch the file again.");
        pieces.Add(piece);
        scores.Add(score);
        types.Add((PieceType)Math.Min(type, 7));
    }

    private static Trainer ReadTrainer(ReadOnlySpan<byte> message)
    {
        // Unigram is the message's default.
        Trainer trainer = new() { ModelType = 1 };
        ProtobufReader fields = new(message);
        while (fields.MoveNext())
        {
            switch (fields.Field)
            {
                case 3:
                    trainer.ModelType = fields.Value;
                    break;
                case 24:
                    trainer.SpaceAsSuffix = fields.Value != 0;
                    break;
                case 46:
                    trainer.BosPiece = Text(fields.Bytes);
                    break;
                case 47:
                    trainer.EosPiece = Text(fields.Bytes);
                    break;
            }
        }
        return trainer;
    }

    private static Normalizer ReadNormalizer(ReadOnlySpan<byte> message)
    {
        Normalizer normalizer = new() { TrimsSpaces = true };
        ProtobufReader fields = new(message);
        while (fields.MoveNext())
        {
            switch (fields.Field)
            {
                case 1:
                    normalizer.Name = Text(fields.Bytes);
                    break;
                case 2:
                    normalizer.HasMap = !fields.Bytes.IsEmpty;
                    break;
                case 3:
                    normalizer.NoPrefix = fields.Value == 0;
                    break;
                case 4:
                    normalizer.TrimsSpaces = fields.Value != 0;
                    break;
                case 5:
                    normalizer.KeepsSpaces = fields.Value == 0;
                    break;
            }
        }
        return normalizer;
    }

    private static void Check(Trainer trainer, Normalizer normalizer)
    {
        Require(trainer.ModelType == Bpe, $"model_type must be bpe, got {(trainer.ModelType is > 0 and < 5 ? ModelTypes[trainer.ModelType] : trainer.ModelType)}");
        Require(!trainer.SpaceAsSuffix, "treat_whitespace_as_suffix must be false");
        Require(!normalizer.HasMap, $"the normalizer must be identity, got {Quoted.Name(normalizer.Name ?? "")}");
        Require(!normalizer.TrimsSpaces, "remove_extra_whitespaces must be false");
        Require(!normalizer.KeepsSpaces, "escape_whitespaces must be true");
    }

    private static int? Id(List<string> pieces, List<PieceType> types, string? piece) =>
        piece is not null && pieces.IndexOf(piece) is int id and >= 0 && types[id] == PieceType.Control ? id : null;

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new MokaException("its texts must be UTF-8, one is not; fetch the file again.", e);
        }
    }

    private static void Require(bool holds, string rule)
    {
        if (!holds) throw new MokaException($"{rule}; use the tokenizer of a LLaMA model, or fetch the file again.");
    }

    // The default of each is what an absent message means, where that can be read at all.
    private record struct Trainer(ulong ModelType, bool SpaceAsSuffix, string? BosPiece, string? EosPiece);

    private record struct Normalizer(string? Name, bool HasMap, bool NoPrefix, bool TrimsSpaces, bool KeepsSpaces);
}
