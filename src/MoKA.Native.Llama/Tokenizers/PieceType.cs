namespace MoKA.Native.Llama.Tokenizers;

/// <summary>What a piece is for, with the numbers that SentencePiece and ggml write.</summary>
internal enum PieceType
{
    Normal = 1,

    /// <summary>Stands for text that no piece spells.</summary>
    Unknown = 2,

    /// <summary>Has no text: it begins, ends or parts texts.</summary>
    Control = 3,

    /// <summary>Is found in a text as a whole, before anything merges.</summary>
    UserDefined = 4,

    /// <summary>May come up while merging, and is taken apart again.</summary>
    Unused = 5,

    /// <summary>One byte of a character that has no piece.</summary>
    Byte = 6,
}
