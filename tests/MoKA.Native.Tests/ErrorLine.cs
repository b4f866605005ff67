using MoKA.Native.Diagnostics;

namespace MoKA.Native.Tests;

/// <summary>The rule for what users read: one line, neither empty nor a flood, free of control characters.</summary>
internal static class ErrorLine
{
    /// <summary>Runs what must be refused, judges its message and returns it.</summary>
    public static string Of(Action refused, params string[] naming)
    {
        string line = Judge(Assert.Throws<MokaException>(refused));
        foreach (string name in naming) Assert.Contains(name, line, StringComparison.Ordinal);
        return line;
    }

    /// <summary>Judges a message and returns it.</summary>
    public static string Judge(MokaException error)
    {
        Assert.DoesNotContain(error.Message, char.IsControl);
        Assert.InRange(error.Message.Length, 20, 1500);
        return error.Message;
    }
}
