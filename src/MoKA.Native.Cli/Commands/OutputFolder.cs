namespace MoKA.Native.Cli.Commands;

/// <summary>Where a command writes a model.</summary>
internal static class OutputFolder
{
    /// <summary>Whether something is there already.</summary>
    public static bool IsTaken(string output) => File.Exists(output) || (Directory.Exists(output) && Directory.EnumerateFileSystemEntries(output).Any());

    /// <summary>Refuses one that holds something, unless told otherwise.</summary>
    public static void RequireFree(string output, bool force)
    {
        if (!force && IsTaken(output)) throw new UsageException($"{output}: the output holds something already; name another folder, or add --force to write into it.");
    }
}
