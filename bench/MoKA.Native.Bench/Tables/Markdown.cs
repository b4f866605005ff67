using System.Globalization;
using System.Text;

namespace MoKA.Native.Bench.Tables;

/// <summary>A Markdown file in the making: a title, the machine, and tables.</summary>
internal sealed class Markdown
{
    private readonly StringBuilder _text = new();

    public Markdown(string title, params string[] paragraphs)
    {
        _text.Append(CultureInfo.InvariantCulture, $"# {title}\n\n{Machine.Description}.\n");
        foreach (string paragraph in paragraphs) _text.Append(CultureInfo.InvariantCulture, $"\n{paragraph}\n");
    }

    public void Section(string title) => _text.Append(CultureInfo.InvariantCulture, $"\n## {title}\n");

    public void Paragraph(string text) => _text.Append(CultureInfo.InvariantCulture, $"\n{text}\n");

    public void Head(params string[] columns)
    {
        _text.Append('\n');
        Row(columns);
        Row([.. columns.Select(_ => "---")]);
    }

    public void Row(params string[] cells) => _text.Append(CultureInfo.InvariantCulture, $"| {string.Join(" | ", cells)} |\n");

    public override string ToString() => _text.ToString();

    /// <summary>12.3, or a dash where nothing was measured.</summary>
    public static string Number(double? value, int decimals = 1) => value is { } v ? v.ToString("F" + decimals, CultureInfo.InvariantCulture) : "–";

    /// <summary>81 %.</summary>
    public static string Share(double? value) => value is { } v ? string.Create(CultureInfo.InvariantCulture, $"{100 * v:F0} %") : "–";

    /// <summary>1.62 x.</summary>
    public static string Times(double? value) => value is { } v ? string.Create(CultureInfo.InvariantCulture, $"{v:F2} x") : "–";

    /// <summary>1,234 MB.</summary>
    public static string Megabytes(double? bytes) => bytes is { } b ? string.Create(CultureInfo.InvariantCulture, $"{b / 1e6:N0} MB") : "–";
}
