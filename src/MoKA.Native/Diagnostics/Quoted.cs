using System.Globalization;
using System.Text;

namespace MoKA.Native.Diagnostics;

/// <summary>
/// Prints what came from a file inside an error line: control characters are escaped and length is bounded, so that a
/// hostile name can neither break the line nor flood the screen.
/// </summary>
public static class Quoted
{
    private const int MaxLength = 200;
    private const int MaxDims = 8;

    /// <summary>The text between single quotes, on one line, cut after 200 characters.</summary>
    public static string Name(string text) => "'" + Plain(text) + "'";

    /// <summary>The text on one line, cut after 200 characters, without quotes.</summary>
    public static string Plain(ReadOnlySpan<char> text)
    {
        var line = new StringBuilder();
        foreach (char c in text[..Math.Min(text.Length, MaxLength)])
        {
            if (char.IsControl(c) || c is '\u2028' or '\u2029')
            {
                line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            }
            else
            {
                line.Append(c);
            }
        }
        return text.Length > MaxLength ? line.Append("...").ToString() : line.ToString();
    }

    /// <summary>A shape as <c>[2, 3]</c>, cut after 8 dimensions.</summary>
    public static string Dims(ReadOnlySpan<long> dims)
    {
        var line = new StringBuilder("[");
        for (int i = 0; i < Math.Min(dims.Length, MaxDims); i++)
        {
            line.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : ", ")}{dims[i]}");
        }
        return line.Append(dims.Length > MaxDims ? ", ...]" : "]").ToString();
    }
}
