using System.Text.RegularExpressions;

namespace MoKA.Native.Tests.Examples;

/// <summary>What the README shows is what the repository holds.</summary>
public sealed partial class ReadmeTests
{
    [SkippableFact]
    public void Its_program_is_the_example_that_a_test_runs()
    {
        string[] example = Lines(SourceTree.Read("src/Examples/03-finetune.cs"));
        Match block = CodeBlock().Match(SourceTree.Read("README.md"));
        Assert.True(block.Success, "the README has no C# block");
        string[] shown = Lines(block.Groups[1].Value);
        Assert.InRange(shown.Length, 8, 12);
        Assert.Empty(shown.Except(example));
    }

    [SkippableFact]
    public void Its_links_and_pictures_exist()
    {
        Match[] links = [.. Link().Matches(SourceTree.Read("README.md")).Where(m => !m.Groups[1].Value.StartsWith("http", StringComparison.Ordinal))];
        Assert.NotEmpty(links);
        Assert.All(links, link => Assert.True(Path.Exists(SourceTree.PathOf(link.Groups[1].Value)), link.Groups[1].Value));
    }

    private static string[] Lines(string code) => [.. code.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"\]\(([^)#]+)\)")]
    private static partial Regex Link();
}
