using System.CommandLine;

namespace MoKA.Native.Cli;

/// <summary>Turns what is wrong with a command line into one line with the usual fix.</summary>
internal static class ParseErrors
{
    public static string Line(ParseResult parse)
    {
        Command command = parse.CommandResult.Command;
        string help = command is RootCommand ? "moka --help" : $"moka {string.Join(' ', PathTo(command))} --help";
        if (parse.UnmatchedTokens is [var token, ..])
        {
            string? meant = Closest(token, Known(command));
            string kind = token.StartsWith('-') ? "option" : command.Subcommands.Count > 0 ? "command" : "argument";
            return $"there is no {kind} '{Diagnostics.Quoted.Plain(token)}'{(meant is null ? "" : $", did you mean {meant}?")}; see {help}";
        }
        if (command is not RootCommand && command.Subcommands.Count > 0 && parse.Tokens[^1].Value == command.Name)
            return $"{command.Name} needs one of {string.Join(", ", command.Subcommands.Select(c => c.Name))}; see {help}";
        string message = parse.Errors[0].Message.ReplaceLineEndings(" ").TrimEnd('.');
        return $"{char.ToLowerInvariant(message[0])}{message[1..]}; see {help}";
    }

    private static IEnumerable<string> PathTo(Command command) =>
        command is RootCommand ? [] : [.. command.Parents.OfType<Command>().SelectMany(PathTo), command.Name];

    private static IEnumerable<string> Known(Command command) =>
        command.Subcommands.Select(c => c.Name).Concat(command.Options.SelectMany(o => o.Aliases.Append(o.Name)));

    private static string? Closest(string token, IEnumerable<string> known)
    {
        string? best = null;
        int least = Math.Max(2, token.Length / 3) + 1;
        foreach (string name in known.Where(n => n.Length > 2))
            if (Distance(token, name) is int distance && distance < least) (best, least) = (name, distance);
        return best;
    }

    /// <summary>Levenshtein's distance: the fewest letters to insert, remove or replace.</summary>
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[^1];
    }
}
