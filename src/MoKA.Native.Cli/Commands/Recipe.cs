using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Cli.Commands;

/// <summary>What <c>moka</c> without arguments does: fine-tunes the bundled base on the bundled stories.</summary>
internal static class Recipe
{
    private const string Solution = "MoKA.Native.sln";

    /// <summary>The run, with every value that is tuned for it.</summary>
    public static TrainSettings Stories(Terminal terminal)
    {
        string data = FindData(terminal.DataSearch);
        return new TrainSettings
        {
            Model = terminal.Shown(Path.Combine(data, "base")),
            Data = terminal.Shown(Path.Combine(data, "stories", "train.json")),
            Test = terminal.Shown(Path.Combine(data, "stories", "test.json")),
            Output = RunFolder.FirstFree(Path.Combine(terminal.Folder, "runs", "stories")),
            Template = "short",
            Targets = "all",
            Filters = 4,
            Steps = 400,
            BatchSize = 8,
            LearningRate = 0.012f,
            EvalExamples = 200,
            WarmUp = 0.05f,
            Seed = 1,
        };
    }

    private static string FindData(IEnumerable<string> starts)
    {
        foreach (string start in starts)
            for (DirectoryInfo? folder = new(start); folder is not null; folder = folder.Parent)
                if (File.Exists(Path.Combine(folder.FullName, Solution)) && Directory.Exists(Path.Combine(folder.FullName, "data", "base")))
                    return Path.Combine(folder.FullName, "data");
        throw new MokaException($"data/base: the bundled model is not here; start inside the repository, whose root has {Solution} and data/base, or train on your own: moka train -m MODEL -d DATA.json");
    }
}
