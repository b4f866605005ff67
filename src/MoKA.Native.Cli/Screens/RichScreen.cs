using System.Diagnostics;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace MoKA.Native.Cli.Screens;

/// <summary>Colours, frames and lines that move, for a terminal.</summary>
internal sealed class RichScreen(IAnsiConsole console) : Screen
{
    private const int MillisecondsBetweenFrames = 100;
    private static readonly Style Quiet = new(Color.Grey);

    public override void Panel(string title, IReadOnlyList<Fact> facts)
    {
        Grid grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(2)).AddColumn();
        foreach (Fact fact in facts) grid.AddRow(new Text(fact.Label, Quiet), new Text(fact.Text));
        console.Write(new Panel(grid) { Header = new PanelHeader($" [bold]{Markup.Escape(title)}[/] "), Border = BoxBorder.Rounded, BorderStyle = new Style(Color.Teal), Padding = new Padding(1, 0) });
    }

    public override void Table(string title, IReadOnlyList<string> headers, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        Table table = new() { Border = TableBorder.Rounded, BorderStyle = new Style(Color.Teal), Title = new TableTitle(Markup.Escape(title), new Style(decoration: Decoration.Bold)) };
        foreach (string header in headers) table.AddColumn(new TableColumn(new Text(header, Quiet)));
        foreach (IReadOnlyList<string> row in rows) table.AddRow(row.Select(cell => new Text(cell)));
        console.Write(table);
    }

    // Not through the console: it would break long lines, and commands are there to be copied.
    public override void Line(string text = "") => console.Profile.Out.Writer.WriteLine(text);

    public override void Training(Action<Action<TrainingRow>> run)
    {
        LiveTraining view = new();
        long last = 0;
        console.Live(view.Draw()).Start(live => run(row =>
        {
            view.Add(row);
            if (last != 0 && row.Step.Step != row.Step.Steps && row.HeldOutLoss is null && Stopwatch.GetElapsedTime(last).TotalMilliseconds < MillisecondsBetweenFrames) return;
            last = Stopwatch.GetTimestamp();
            live.UpdateTarget(view.Draw());
        }));
    }

    public override T Counting<T>(string what, int total, Func<Action<int>, T> work) => console
        .Progress()
        .AutoClear(true)
        .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
        .Start(context =>
        {
            ProgressTask task = context.AddTask(Markup.Escape(what), maxValue: Math.Max(1, total));
            return work(done => task.Value = done);
        });
}
