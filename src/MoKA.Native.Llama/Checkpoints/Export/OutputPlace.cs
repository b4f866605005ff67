using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Checkpoints.Export;

/// <summary>Where something may be written that is made from files.</summary>
public static class OutputPlace
{
    /// <summary>Refuses an output that is one of its sources, lies inside one, or holds one.</summary>
    /// <param name="output">A file or folder that need not exist.</param>
    /// <param name="sources">The files and folders it is made from.</param>
    /// <exception cref="MokaException">It would be written over or into what it is read from.</exception>
    public static void RequireApart(string output, params ReadOnlySpan<string> sources)
    {
        string to = Normal(output);
        foreach (string source in sources)
        {
            string from = Normal(source);
            if (to == from || IsInside(to, from) || (Directory.Exists(to) && IsInside(from, to)))
                throw new MokaException($"{Quoted.Plain(output)}: the output must lie apart from {Quoted.Plain(source)}, which it is made from; name another folder.");
        }
    }

    private static bool IsInside(string path, string folder) => path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    // A link is what it points to.
    private static string Normal(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        FileSystemInfo? target = Directory.Exists(full) ? Directory.ResolveLinkTarget(full, returnFinalTarget: true) : File.Exists(full) ? File.ResolveLinkTarget(full, returnFinalTarget: true) : null;
        return target is null ? full : Path.TrimEndingDirectorySeparator(target.FullName);
    }
}
