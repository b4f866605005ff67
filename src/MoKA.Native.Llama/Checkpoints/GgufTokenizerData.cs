using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>What a GGUF file says about its tokenizer, as it stands there; what a file leaves out is null.</summary>
public sealed record GgufTokenizerData
{
    /// <summary>The kind: llama for SentencePiece's BPE with scores, gpt2 for byte-level BPE with merges.</summary>
    public required string Model { get; init; }

    /// <summary>How text is split before it is merged: default, llama-bpe and others.</summary>
    public string? Pre { get; init; }

    /// <summary>The text of each id; of byte-level tokenizers, with bytes in display form.</summary>
    public required IReadOnlyList<string> Tokens { get; init; }

    /// <summary>The score of each id.</summary>
    public IReadOnlyList<float>? Scores { get; init; }

    /// <summary>The kind of each id: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.</summary>
    public IReadOnlyList<int>? Types { get; init; }

    /// <summary>The pairs that are merged, best first, "left right".</summary>
    public IReadOnlyList<string>? Merges { get; init; }

    /// <summary>The id that opens a text.</summary>
    public int? BosId { get; init; }

    /// <summary>The id that ends a text.</summary>
    public int? EosId { get; init; }

    /// <summary>The id of what is not known.</summary>
    public int? UnknownId { get; init; }

    /// <summary>The id that fills up.</summary>
    public int? PaddingId { get; init; }

    /// <summary>Whether a text is opened by <see cref="BosId"/>.</summary>
    public bool? AddBos { get; init; }

    /// <summary>Whether a text is ended by <see cref="EosId"/>.</summary>
    public bool? AddEos { get; init; }

    /// <summary>Whether a space is put before a text.</summary>
    public bool? AddSpacePrefix { get; init; }

    /// <summary>How messages become a text, in Jinja.</summary>
    public string? ChatTemplate { get; init; }

    internal static GgufTokenizerData Read(GgufFile file)
    {
        GgufMetadata metadata = file.Metadata;
        string model = metadata.Text(GgufNames.TokenModel) ?? throw Missing(file, GgufNames.TokenModel);
        string[] tokens = metadata.Texts(GgufNames.Tokens) ?? throw Missing(file, GgufNames.Tokens);
        float[]? scores = metadata.Numbers(GgufNames.Scores);
        int[]? types = metadata.Integers(GgufNames.TokenTypes);
        foreach ((string key, int? length) in new[] { (GgufNames.Scores, scores?.Length), (GgufNames.TokenTypes, types?.Length) })
        {
            if (length is { } count && count != tokens.Length) throw new MokaException($"{Quoted.Plain(file.Path)}: '{key}' must have one for each of {tokens.Length} tokens, got {count}; the file is damaged, convert the model again.");
        }
        return new GgufTokenizerData
        {
            Model = model,
            Pre = metadata.Text(GgufNames.TokenPre),
            Tokens = tokens,
            Scores = scores,
            Types = types,
            Merges = metadata.Texts(GgufNames.Merges),
            BosId = Id(file, GgufNames.Bos),
            EosId = Id(file, GgufNames.Eos),
            UnknownId = Id(file, GgufNames.Unknown),
            PaddingId = Id(file, GgufNames.Padding),
            AddBos = metadata.Flag(GgufNames.AddBos),
            AddEos = metadata.Flag(GgufNames.AddEos),
            AddSpacePrefix = metadata.Flag(GgufNames.AddSpacePrefix),
            ChatTemplate = metadata.Text(GgufNames.ChatTemplate),
        };
    }

    /// <summary>A token's id, or null; files write -1, also as an unsigned number, for none.</summary>
    internal static int? Id(GgufFile file, string key) => file.Metadata.Integer(key) switch
    {
        null or -1 or uint.MaxValue => null,
        long id and >= 0 and <= int.MaxValue => (int)id,
        long id => throw new MokaException($"{Quoted.Plain(file.Path)}: '{key}' must be a token's id, got {id}; the file is damaged, convert the model again."),
    };

    private static MokaException Missing(GgufFile file, string key) => new($"{Quoted.Plain(file.Path)}: must have '{key}' to have a tokenizer, got nothing; use a tokenizer file beside it.");
}
