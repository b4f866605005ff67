using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>How a byte-level tokenizer cuts text into the words inside which it merges.</summary>
internal enum SplitPattern
{
    /// <summary>LLaMA-3's regular expression.</summary>
    Llama3,

    /// <summary>GPT-2's regular expression.</summary>
    Gpt2,

    /// <summary>Every digit by itself, then GPT-2's regular expression on what lies between.</summary>
    Gpt2Digits,
}

/// <summary>The names that files have for the patterns.</summary>
internal static class SplitPatterns
{
    /// <summary>LLaMA-3's pattern as tokenizer.json spells it.</summary>
    public const string Llama3 = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>GPT-2's pattern, which tokenizer.json usually leaves to its ByteLevel step.</summary>
    public const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>The name that GGUF has for a pattern.</summary>
    public static string NameOf(SplitPattern pattern) => pattern switch
    {
        SplitPattern.Llama3 => "llama-bpe",
        SplitPattern.Gpt2 => "gpt-2",
        _ => "smollm",
    };

    /// <summary>The pattern that GGUF calls by a name.</summary>
    public static SplitPattern ByName(string name) => name switch
    {
        "llama-bpe" or "llama3" or "llama-v3" => SplitPattern.Llama3,
        "gpt-2" or "gpt2" => SplitPattern.Gpt2,
        "smollm" => SplitPattern.Gpt2Digits,
        _ => throw new MokaException($"Tokenizer: the way to cut words must be llama-bpe, gpt-2 or smollm, got {Quoted.Name(name)}; use a model of the LLaMA family."),
    };
}
