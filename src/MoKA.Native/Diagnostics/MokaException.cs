namespace MoKA.Native.Diagnostics;

/// <summary>
/// Something the user gave cannot be used: a damaged file, a shape that does not fit, an adapter for another model.
/// The message is one line that names the thing, the rule, what was received, and the usual fix.
/// </summary>
public sealed class MokaException : Exception
{
    /// <summary>Makes the error from its one-line message.</summary>
    public MokaException(string message) : base(message) { }

    /// <summary>Makes the error from its one-line message and the lower error behind it.</summary>
    public MokaException(string message, Exception inner) : base(message, inner) { }
}
