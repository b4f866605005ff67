using System.Text;
using System.Text.RegularExpressions;

namespace StoryWorld;

/// <summary>
/// Pre-training text from two files of little stories that partly hold the same ones: a cased file, where a line with the
/// end-of-text mark separates stories, and a lower-cased one, where a single new line separates stories and a blank line
/// paragraphs.
/// </summary>
internal static partial class Corpus
{
    public const string EndOfText = "<|endoftext|>";

    /// <summary>Stories that begin below this byte of the cased file are held out for evaluation.</summary>
    public const int HeldOutBytes = 60_000;

    // UTF-8 quotes and dashes, and the same read once as Windows code page 1252. Longer ones come first.
    private static readonly (string From, string To)[] Spellings =
    [
        ("â€œ", "\""), ("â€\u009d", "\""), ("â€˜", "'"), ("â€™", "'"), ("â€“", "-"), ("â€”", "-"), ("â€\u201d", "-"),
        ("â€¦", "..."), ("â€", "\""), ("\u201c", "\""), ("\u201d", "\""), ("\u2018", "'"), ("\u2019", "'"), ("\u2013", "-"),
        ("\u2014", "-"), ("\u2026", "..."), ("\u00a0", " "),
    ];

    /// <summary>
    /// The cased stories that are not held out, then those of the lower-cased file that the cased one does not hold (compared
    /// by letters), with their case put back. Stories with other characters than ASCII and a story that a file cuts off are left out.
    /// The stories held out stay as they are in the file.
    /// </summary>
    public static (List<string> Training, List<string> HeldOut) Build(string cased, string lower, int heldOutBytes = HeldOutBytes)
    {
        string[] parts = cased.Split(EndOfText);
        HashSet<string> seen = [];
        StringBuilder allCased = new();
        List<string> stories = [], heldOut = [];
        long offset = 0;
        foreach (string part in parts[..^1])
        {
            string story = Clean(part);
            long begin = offset + Encoding.UTF8.GetByteCount(part[..^part.TrimStart().Length]);
            offset += Encoding.UTF8.GetByteCount(part) + EndOfText.Length;
            allCased.Append(Letters(story)).Append('|');
            if (!seen.Add(Letters(story)))
            {
                continue;
            }

            if (begin < heldOutBytes)
            {
                heldOut.Add(part.Trim());
            }
            else if (IsWhole(story))
            {
                stories.Add(story);
            }
        }

        // The lower-cased file cuts stories that have single new lines inside; a piece of a cased story is not a new one.
        string known = allCased.ToString();
        Recaser recaser = new(parts[..^1].Select(Clean));
        stories.AddRange(SingleNewLine().Split(lower.ReplaceLineEndings("\n")).Select(Clean)
            .Where(story => IsWhole(story) && seen.Add(Letters(story)) && !known.Contains(Letters(story), StringComparison.Ordinal)).Select(recaser.Recase));
        return (stories, heldOut);
    }

    private static string Clean(string story)
    {
        foreach ((string from, string to) in Spellings)
        {
            story = story.Replace(from, to, StringComparison.Ordinal);
        }

        return BlankLines().Replace(story.ReplaceLineEndings("\n").Trim(), "\n");
    }

    private static string Letters(string story) => string.Concat(story.Where(char.IsAsciiLetter).Select(char.ToLowerInvariant));

    private static bool IsWhole(string story) => story.Length > 0 && Ascii.IsValid(story) && story[^1] is '.' or '!' or '?' or '"' or '\'';

    [GeneratedRegex("(?<!\n)\n(?!\n)")]
    private static partial Regex SingleNewLine();

    [GeneratedRegex(" *\n[ \n]*")]
    private static partial Regex BlankLines();
}
