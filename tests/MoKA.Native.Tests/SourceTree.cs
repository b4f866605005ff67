using System.Text.RegularExpressions;

namespace MoKA.Native.Tests;

/// <summary>The repository's own files, for the tests that hold the code to the rules of the house.</summary>
internal static partial class SourceTree
{
    private static readonly string? Root = FindRoot();

    /// <summary>Every C# file below a folder of the repository; skips the test where the sources are not at hand.</summary>
    public static IReadOnlyList<SourceFile> Under(string folder)
    {
        Skip.If(Root is null, "The sources are not beside the tests.");
        string path = Path.Combine(Root!, folder);
        if (!Directory.Exists(path)) return [];
        return [.. from file in Directory.EnumerateFiles(path, "*.cs", SearchOption.AllDirectories)
                   let name = Path.GetRelativePath(Root!, file).Replace('\\', '/')
                   where !name.Contains("/obj/") && !name.Contains("/bin/")
                   orderby name
                   select new SourceFile(name, File.ReadAllText(file))];
    }

    /// <summary>The text of one file of the repository.</summary>
    public static string Read(string file)
    {
        Skip.If(Root is null, "The sources are not beside the tests.");
        return File.ReadAllText(Path.Combine(Root!, file));
    }

    /// <summary>The full path of a file or folder of the repository.</summary>
    public static string PathOf(string name)
    {
        Skip.If(Root is null, "The sources are not beside the tests.");
        return Path.Combine(Root!, name);
    }

    /// <summary>"file:line: text" for every line of code, comments left out, that the pattern finds.</summary>
    public static IEnumerable<string> Lines(this IEnumerable<SourceFile> files, Regex pattern) =>
        from file in files
        from line in file.Text.Split('\n').Select((text, i) => (Text: Comment().Replace(text, ""), Number: i + 1))
        where pattern.IsMatch(line.Text)
        select $"{file.Name}:{line.Number}: {line.Text.Trim()}";

    private static string? FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && folder.GetFiles("*.sln").Length == 0) folder = folder.Parent;
        return folder?.FullName;
    }

    [GeneratedRegex("//.*$")]
    private static partial Regex Comment();
}

/// <summary>A file by its path from the root, with its text.</summary>
internal sealed record SourceFile(string Name, string Text);
