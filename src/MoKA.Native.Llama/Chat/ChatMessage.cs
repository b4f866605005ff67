namespace MoKA.Native.Llama.Chat;

/// <summary>Who says something.</summary>
public enum ChatRole
{
    /// <summary>Sets the scene; at most one, and first.</summary>
    System,

    /// <summary>Asks.</summary>
    User,

    /// <summary>Answers: the model.</summary>
    Assistant,
}

/// <summary>One thing said.</summary>
/// <param name="Role">Who says it.</param>
/// <param name="Content">Plain text, whatever it looks like.</param>
public sealed record ChatMessage(ChatRole Role, string Content);

/// <summary>A stretch of a rendered conversation.</summary>
/// <param name="Text">The text, or the name of a special token.</param>
/// <param name="Special">Whether it is a special token; a user's text never is, whatever it looks like.</param>
public readonly record struct ChatSegment(string Text, bool Special);
