using System.CommandLine;
using MoKA.Native.Adapters;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Cli.Commands;

/// <summary>The filters' shapes as --shapes spells them: one list with commas, or lists for kinds of map with semicolons.</summary>
/// <param name="Others">For the maps of all kinds that have no list of their own; empty lets every map have its usual ones.</param>
/// <param name="Kinds">For one kind of map each.</param>
internal sealed record ShapeLists(IReadOnlyList<string> Others, IReadOnlyList<(string Kind, IReadOnlyList<string> Shapes)> Kinds)
{
    /// <summary>How it is spelled, in a line.</summary>
    public const string Spelling = "\"q,o=LIST;v=LIST\" gives kinds of map their own, and a LIST without a kind is for the others";

    /// <summary>Nothing chosen.</summary>
    public static ShapeLists None { get; } = new([], []);

    /// <summary>How many filters the lists ask for, if there are any.</summary>
    public int? Filters => (Others.Count > 0 ? Others : Kinds.FirstOrDefault().Shapes) is { Count: var count and > 0 } ? count : null;

    /// <summary>The option; the shapes themselves are read where it is known which method they are for.</summary>
    public static Option<ShapeLists> Option(string name, string description) => Options.Parsed(name, "LIST", $"{description}; {Spelling}.", None, text => Parse(name, text));

    /// <summary>Options for every map, whose exceptions are those for kinds of map.</summary>
    /// <param name="create">Makes options with the shapes of a list.</param>
    public AdapterOptions Build(Func<IReadOnlyList<string>, AdapterOptions> create) =>
        create(Others) with { Exceptions = [.. Kinds.Select(k => create(k.Shapes) with { Kind = k.Kind })] };

    /// <summary>As it is spelled.</summary>
    public override string ToString() => string.Join(';', Kinds.Select(k => $"{k.Kind}={string.Join(',', k.Shapes)}").Concat(Others.Count > 0 ? [string.Join(',', Others)] : Array.Empty<string>()));

    private static ShapeLists Parse(string name, string text)
    {
        List<IReadOnlyList<string>> others = [];
        List<(string Kind, IReadOnlyList<string> Shapes)> kinds = [];
        foreach (string part in text.Split(';', StringSplitOptions.TrimEntries))
        {
            int equals = part.IndexOf('=');
            string[] shapes = part[(equals + 1)..].Split(',', StringSplitOptions.TrimEntries);
            if (shapes.Contains("")) throw new MokaException($"{name} must be shapes with commas, got {Quoted.Name(part)}; {Spelling}");
            if (equals < 0) others.Add(shapes);
            else kinds.AddRange(part[..equals].Split(',', StringSplitOptions.TrimEntries).Select(kind => (kind, (IReadOnlyList<string>)shapes)));
        }
        if (others.Count > 1) throw new MokaException($"{name} must have at most one list without a kind of map, got {others.Count} in {Quoted.Name(text)}; {Spelling}");
        if (kinds.GroupBy(k => k.Kind).FirstOrDefault(g => g.Count() > 1) is { Key: var twice }) throw new MokaException($"{name} must have one list a kind of map, got several for {Quoted.Name(twice)}; {Spelling}");
        return new ShapeLists(others.SingleOrDefault([]), kinds);
    }
}
