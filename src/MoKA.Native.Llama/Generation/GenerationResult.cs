namespace MoKA.Native.Llama.Generation;

/// <summary>Why a text ended.</summary>
public enum EndReason
{
    /// <summary>The model gave a token that ends texts.</summary>
    EndToken,

    /// <summary>As many tokens as were asked for.</summary>
    MaxTokens,

    /// <summary>A stop string came.</summary>
    StopString,

    /// <summary>The model's positions, or the room that the text was given, are used up.</summary>
    ContextFull,

    /// <summary>The caller cancelled, or took no more.</summary>
    Cancelled,
}

/// <summary>What is known of a text while it is generated and afterwards. Pass a fresh one along with the prompt and read it at the end.</summary>
public sealed class GenerationResult
{
    /// <summary>How many tokens the prompt has.</summary>
    public int PromptTokens { get; internal set; }

    /// <summary>How many of the prompt's tokens were computed before and kept.</summary>
    public int KeptTokens { get; internal set; }

    /// <summary>How many tokens have been added so far.</summary>
    public int NewTokens { get; internal set; }

    /// <summary>Why the text ended; null while it goes on.</summary>
    public EndReason? End { get; internal set; }
}

/// <summary>The tokens that follow a prompt, without the one that ended the text.</summary>
/// <param name="Tokens">The new ids.</param>
/// <param name="End">Why there are no more.</param>
public sealed record TokenCompletion(IReadOnlyList<int> Tokens, EndReason End);

/// <summary>The text that follows a prompt.</summary>
/// <param name="Text">The new text.</param>
/// <param name="Tokens">How many tokens it took.</param>
/// <param name="End">Why there is no more.</param>
public sealed record TextCompletion(string Text, int Tokens, EndReason End);
