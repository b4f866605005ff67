using MoKA.Native.Cli.Screens;

namespace MoKA.Native.Cli.Commands;

/// <summary>What was found: facts, and tables that show a person what the facts hold for a program.</summary>
internal sealed record Inspection(string Title, IReadOnlyList<Fact> Facts)
{
    public IReadOnlyList<(string Title, IReadOnlyList<string> Headers, IReadOnlyList<IReadOnlyList<string>> Rows)> Tables { get; init; } = [];

    public void Show(Screen screen)
    {
        screen.Panel(Title, [.. Facts.Where(f => f.Text.Length > 0)]);
        foreach ((string title, IReadOnlyList<string> headers, IReadOnlyList<IReadOnlyList<string>> rows) in Tables) screen.Table(title, headers, rows);
    }
}
