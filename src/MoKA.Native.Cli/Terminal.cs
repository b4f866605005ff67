namespace MoKA.Native.Cli;

/// <summary>Where the tool reads and writes: the process's own streams, or a test's.</summary>
/// <param name="Out">Results.</param>
/// <param name="Error">Progress and errors.</param>
/// <param name="In">The text of a prompt given as -, and what is said in a chat.</param>
/// <param name="Folder">The folder that runs without a name go below.</param>
/// <param name="DataSearch">Folders from which the bundled data is looked for upwards.</param>
internal sealed record Terminal(TextWriter Out, TextWriter Error, TextReader In, string Folder, IReadOnlyList<string> DataSearch)
{
    /// <summary>Whether <see cref="Out"/> can show colours and redraw lines.</summary>
    public bool RichOut { get; init; }

    /// <summary>Whether <see cref="Error"/> can.</summary>
    public bool RichError { get; init; }

    /// <summary>Whether a person types what <see cref="In"/> gives, and wants to see when it is asked for.</summary>
    public bool Interactive { get; init; }

    /// <summary>How the user starts this tool, for the commands it proposes.</summary>
    public string Command { get; init; } = "moka";

    /// <summary>The terminal of this process. NO_COLOR (no-color.org) and a dumb terminal ask for plain lines.</summary>
    public static Terminal OfProcess()
    {
        bool plain = !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")) || Environment.GetEnvironmentVariable("TERM") == "dumb";
        return new Terminal(Console.Out, Console.Error, Console.In, Environment.CurrentDirectory, [Environment.CurrentDirectory, AppContext.BaseDirectory])
        {
            RichOut = !plain && !Console.IsOutputRedirected,
            RichError = !plain && !Console.IsErrorRedirected,
            Interactive = !Console.IsInputRedirected,
            Command = CommandOf(AppContext.BaseDirectory, Environment.CurrentDirectory),
        };
    }

    /// <summary>A path as the user would write it: relative when it lies below the current folder.</summary>
    public string Shown(string path)
    {
        string relative = Path.GetRelativePath(Folder, path);
        return relative.StartsWith("..", StringComparison.Ordinal) ? path : relative.Replace('\\', '/');
    }

    // Built but not installed, the tool is started by dotnet run.
    private static string CommandOf(string program, string folder)
    {
        string relative = Path.GetRelativePath(folder, program).Replace('\\', '/');
        int bin = relative.IndexOf("/bin/", StringComparison.Ordinal);
        return bin < 0 || !File.Exists(Path.Combine(folder, relative[..bin], "MoKA.Native.Cli.csproj")) ? "moka" : $"dotnet run -c Release --project {relative[..bin]} --";
    }
}
