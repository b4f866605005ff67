namespace MoKA.Native.Llama.Tokenizers;

/// <summary>Where a SentencePiece tokenizer puts "▁" before text, so that a word at the start is spelt as one after a space.</summary>
public enum DummyPrefix
{
    /// <summary>Nowhere.</summary>
    None,

    /// <summary>Before every text, and again after every special token: SentencePiece's own rule, which Hugging Face calls legacy.</summary>
    Always,

    /// <summary>As <see cref="Always"/>, but not before text that begins with a space (a Metaspace with prepend_scheme "always").</summary>
    UnlessSpaced,

    /// <summary>Only at the start of a text, unless it begins with a space or a special token (prepend_scheme "first", not legacy).</summary>
    First,
}
