using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// Where something may be written that is made from files: never over, into or around what it is made from. A folder that
/// merely holds a source file may be written to unless that file has a name that is written there. Links count as what they
/// point to, anywhere in a path, and so do the links in a source folder.
/// </summary>
public static class OutputPlace
{
    private const int MostLinks = 40;
    private static readonly StringComparison Spelling = OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
    private static readonly string[] Written = [LlamaFolder.ConfigFile, LlamaFolder.WeightsFile, .. HuggingFaceSource.Companions, AdapterFolder.ConfigFile, AdapterFolder.WeightsFile];

    /// <summary>Refuses an output whose writing could cost a source.</summary>
    /// <param name="output">A file or folder that need not exist.</param>
    /// <param name="sources">The files and folders it is made from.</param>
    /// <exception cref="MokaException">The output is a source, lies inside a source folder, holds one, or would replace a source file.</exception>
    public static void RequireApart(string output, params ReadOnlySpan<string> sources)
    {
        string to = Resolve(output, MostLinks);
        foreach (string source in sources)
        {
            string from = Resolve(source, MostLinks);
            bool lost = Directory.Exists(from)
                ? to.Equals(from, Spelling) || IsInside(to, from) || IsInside(from, to) || LinkedFiles(from).Any(file => Replaces(to, file))
                : Replaces(to, from);
            if (lost) throw new MokaException($"{Quoted.Plain(output)}: the output must lie apart from {Quoted.Plain(source)}, which it is made from and which could be lost; name another folder.");
        }
    }

    /// <summary>Whether writing the file or folder could put another file in the place of this one.</summary>
    private static bool Replaces(string output, string file) =>
        output.Equals(file, Spelling) || (output.Equals(Path.GetDirectoryName(file), Spelling) && Written.Any(name => name.Equals(Path.GetFileName(file), Spelling)));

    private static IEnumerable<string> LinkedFiles(string folder) => Directory.EnumerateFiles(folder).Where(file => new FileInfo(file).LinkTarget is not null).Select(file => Resolve(file, MostLinks));

    private static bool IsInside(string path, string folder) => path.StartsWith(Path.EndsInDirectorySeparator(folder) ? folder : folder + Path.DirectorySeparatorChar, Spelling);

    /// <summary>The path without a link in any of its parts.</summary>
    private static string Resolve(string path, int linksLeft)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Path.GetDirectoryName(full) is not { } parent) return full;
        string folder = Resolve(parent, linksLeft), here = Path.Combine(folder, Path.GetFileName(full));
        if (new FileInfo(here).LinkTarget is not { } target) return here;
        if (linksLeft == 0) throw new MokaException($"{Quoted.Plain(path)}: a path must lead somewhere, got links that lead in a circle; name another place.");
        return Resolve(Path.GetFullPath(target, folder), linksLeft - 1);
    }
}
