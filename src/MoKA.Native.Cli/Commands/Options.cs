using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Cli.Commands;

/// <summary>Makes options whose values are checked while the command line is read, each with a one-line error.</summary>
internal static class Options
{
    /// <summary>Whether an option stands on the command line, and not only its default holds.</summary>
    public static bool Given(ParseResult parse, Option option) => parse.GetResult(option) is { Implicit: false };

    public static Option<int> Whole(string name, string description, int value, int least, int most = int.MaxValue) => Parsed(name, "N", description, value, text =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw new MokaException($"{name} must be a whole number {(most == int.MaxValue ? $"of at least {least}" : $"from {least} to {most}")}, got {Quoted.Name(text)}"));

    public static Option<ulong> Seed(ulong value) => Parsed("--seed", "N", "What every random number derives from.", value, text =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? number : throw new MokaException($"--seed must be a whole number of at least 0, got {Quoted.Name(text)}"));

    public static Option<float> Real(string name, string description, float value) => Parsed(name, "X", description, value, text =>
        float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float number) && float.IsFinite(number)
            ? number
            : throw new MokaException($"{name} must be a number, got {Quoted.Name(text)}"));

    public static Option<string> Choice(string name, string description, string value, params string[] choices) => Parsed(name, string.Join('|', choices), description, value, text =>
        choices.Contains(text) ? text : throw new MokaException($"{name} must be {string.Join(" or ", choices)}, got {Quoted.Name(text)}"));

    public static Option<T> Parsed<T>(string name, string helpName, string description, T value, Func<string, T> parse) => new(name)
    {
        Description = description,
        HelpName = helpName,
        DefaultValueFactory = _ => value,
        CustomParser = result => Parse(result, parse),
    };

    /// <summary>A text option that may be given several times.</summary>
    public static Option<IReadOnlyList<string>> Repeated(string name, string helpName, string description) => new(name)
    {
        Description = description,
        HelpName = helpName,
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
        DefaultValueFactory = _ => [],
        CustomParser = result => [.. result.Tokens.Select(token => token.Value)],
    };

    public static Option<string?> Text(string name, string alias, string helpName, string description) => new(name, alias) { Description = description, HelpName = helpName };

    public static Option<string> RequiredText(string name, string alias, string helpName, string description) => new(name, alias) { Description = description, HelpName = helpName, Required = true };

    public static Option<string> Model() => RequiredText("--model", "-m", "MODEL", "A model: a folder of Hugging Face's, a GGUF file or a llama2.c file.");

    public static Option<IReadOnlyList<string>> Adapter()
    {
        Option<IReadOnlyList<string>> option = Repeated("--adapter", "ADAPTER[:WEIGHT]", "An adapter's folder, or the run that made it; several add up, each with its weight, 1 unless given.");
        option.Aliases.Add("-a");
        return option;
    }

    public static Option<bool> AnyBase() => new(AdapterInput.AnyBase) { Description = "Take an adapter that was trained on another base, such as this one in other bits; its maps must have the same shapes." };

    public static Option<string?> Tokenizer() => new("--tokenizer") { Description = "A tokenizer.json, tokenizer.model or tokenizer.bin, or a folder that holds one; the model's own unless given.", HelpName = "FILE" };

    public static Option<string> Template(string value) => Choice("--template", "How a record becomes a prompt.", value, "short", "alpaca");

    public static Option<int> Threads() => Whole("--threads", "Threads that compute; 0 for one a core.", 0, 0, 1024);

    /// <summary>The values of <see cref="Activations"/>.</summary>
    public const string Float = "float", Int8 = "int8";

    public static Option<string> Activations() => Choice("--activations", "What the linear maps are multiplied with: float, or int8 for speed with quantised maps; int8 changes logits slightly.", Float, Float, Int8);

    public static Option<bool> Json() => new("--json") { Description = "Print one JSON object on standard output." };

    private static T Parse<T>(ArgumentResult result, Func<string, T> parse)
    {
        try
        {
            return parse(result.Tokens[0].Value);
        }
        catch (MokaException error)
        {
            result.AddError(error.Message);
            return default!;
        }
    }
}
