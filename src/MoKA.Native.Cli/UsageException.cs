using MoKA.Native.Diagnostics;

namespace MoKA.Native.Cli;

/// <summary>The user asked for something that cannot be: an option, not a file, is at fault.</summary>
internal sealed class UsageException(string message) : Exception(message)
{
    /// <summary>Runs a check of options: what the library refuses there is wrong usage.</summary>
    public static T Check<T>(Func<T> check)
    {
        try
        {
            return check();
        }
        catch (MokaException error)
        {
            throw new UsageException(error.Message);
        }
    }

    /// <summary>Runs a check of options: what the library refuses there is wrong usage.</summary>
    public static void Check(Action check) => Check(() =>
    {
        check();
        return true;
    });
}
