using System.Text;
using MoKA.Native.Cli;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Tests.Cli;

/// <summary>What a command printed and returned.</summary>
internal sealed record CliResult(int Code, string Out, string Error)
{
    public string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}

/// <summary>A folder with two tiny bases, records and text, and the tool run in this process on them.</summary>
public sealed class CliWorld : IDisposable
{
    private const string Story = "Anna had a red ball. Ben had a blue ball. Anna ran to the lake and Ben ran to the park. They were happy. ";
    private readonly TempFolder _folder = new();

    public CliWorld()
    {
        File("story.txt", string.Concat(Enumerable.Repeat(Story, 20)));
        File("train.json", Records(12));
        File("test.json", Records(4));
        Base = MakeBase("base", seed: 1);
        OtherBase = MakeBase("other", seed: 2);
    }

    public string Base { get; }

    public string OtherBase { get; }

    public string Root => _folder.Path;

    public string Train => Path("train.json");

    public string Test => Path("test.json");

    public string Path(string name) => System.IO.Path.Combine(Root, name);

    public string File(string name, string content)
    {
        System.IO.File.WriteAllText(Path(name), content);
        return Path(name);
    }

    /// <summary>A copy of a folder to damage.</summary>
    public string Copy(string folder, string name)
    {
        Directory.CreateDirectory(Path(name));
        foreach (string file in Directory.GetFiles(folder)) System.IO.File.Copy(file, System.IO.Path.Combine(Path(name), System.IO.Path.GetFileName(file)), overwrite: true);
        return Path(name);
    }

    public string[] Everything() => [.. Directory.EnumerateFileSystemEntries(Root, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    /// <summary>The arguments of a short training run.</summary>
    public string[] Training(string run, params string[] more) =>
        ["train", "-m", Base, "-d", Train, "-o", Path(run), "--steps", "4", "--batch", "2", "--filters", "3", "--threads", "1", .. more];

    internal CliResult Run(params string[] args) => Run(args, CancellationToken.None);

    internal CliResult Run(string[] args, CancellationToken cancel, TextWriter? output = null, string input = "", bool rich = false, string? folder = null, Interrupt? interrupt = null, bool interactive = false)
    {
        TextWriter written = output ?? new StringWriter();
        StringWriter error = new();
        string at = folder ?? Root;
        Terminal terminal = new(written, error, new StringReader(input), at, [at]) { RichOut = rich, RichError = rich, Interactive = interactive };
        int code = Moka.Run(args, terminal, cancel, interrupt);
        return new CliResult(code, written.ToString()!, error.ToString());
    }

    public void Dispose() => _folder.Dispose();

    private string MakeBase(string name, ulong seed)
    {
        PretrainConfig config = new()
        {
            Text = [Path("story.txt")],
            Output = Path(name),
            VocabularySize = 300,
            HiddenSize = 32,
            IntermediateSize = 64,
            Layers = 2,
            Heads = 2,
            KeyValueHeads = 1,
            MaxPositions = 128,
            Window = 16,
            BatchSize = 2,
            Steps = 2,
            Seed = seed,
        };
        using Cpu cpu = new(1);
        using Pretraining pretraining = new(config, cpu);
        pretraining.Run(_ => { }, CancellationToken.None);
        pretraining.Save();
        return config.Output;
    }

    private static string Records(int count)
    {
        StringBuilder json = new("[");
        for (int i = 0; i < count; i++)
            json.Append(i == 0 ? "" : ",").Append($$"""{"instruction":"Who had ball {{i}}?","input":"Anna had ball {{i}}.","output":"Anna","answer":"Anna"}""");
        return json.Append(']').ToString();
    }
}

/// <summary>Standard output that asks the run to stop as soon as a text appears in it.</summary>
internal sealed class StoppingWriter(string at, CancellationTokenSource source) : StringWriter
{
    public override void WriteLine(string? value)
    {
        base.WriteLine(value);
        if (value is not null && value.StartsWith(at, StringComparison.Ordinal)) source.Cancel();
    }
}
