using System.Globalization;
using System.Text.Json;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Evaluation;

namespace MoKA.Native.Llama.Training;

/// <summary>
/// What a training run leaves behind: <c>config.json</c> with every option, <c>metrics.jsonl</c> with one JSON object a
/// step and an evaluation, <c>loss.svg</c>, <c>result.json</c> and the folder <c>adapter</c>. A folder that holds
/// anything is never written to.
/// </summary>
public sealed class RunFolder : IDisposable
{
    /// <summary>Every option of the run, resolved.</summary>
    public const string ConfigFile = "config.json";

    /// <summary>One JSON object a line.</summary>
    public const string MetricsFile = "metrics.jsonl";

    /// <summary>The picture of the loss.</summary>
    public const string PlotFile = "loss.svg";

    /// <summary>What the run achieved.</summary>
    public const string ResultFile = "result.json";

    /// <summary>The folder of the trained adapter.</summary>
    public const string AdapterName = "adapter";

    private readonly FileStream _metrics;

    private RunFolder(string path)
    {
        Path = path;
        _metrics = new FileStream(File(MetricsFile), FileMode.CreateNew, FileAccess.Write, FileShare.Read);
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Where the adapter goes.</summary>
    public string AdapterFolder => File(AdapterName);

    /// <summary>Makes the folder, or takes an empty one.</summary>
    /// <exception cref="MokaException">The path is taken, or cannot be written.</exception>
    public static RunFolder Create(string path)
    {
        RequireFree(path);
        try
        {
            Directory.CreateDirectory(path);
            return new RunFolder(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MokaException($"{Quoted.Plain(path)}: the run folder cannot be made ({Quoted.Plain(e.Message)}); choose another place.", e);
        }
    }

    /// <summary>Throws when the path is a file or a folder that holds something.</summary>
    public static void RequireFree(string path)
    {
        if (System.IO.File.Exists(path)) throw new MokaException($"{Quoted.Plain(path)}: a run needs a folder, and this is a file; choose another name.");
        if (IsTaken(path)) throw new MokaException($"{Quoted.Plain(path)}: the folder is not empty, and a run never writes over another; choose a new name.");
    }

    /// <summary>The path itself if it is free, else the first free one of path-2, path-3, ...</summary>
    public static string FirstFree(string path)
    {
        string candidate = path;
        for (int i = 2; IsTaken(candidate) || System.IO.File.Exists(candidate); i++) candidate = string.Create(CultureInfo.InvariantCulture, $"{path}-{i}");
        return candidate;
    }

    /// <summary>The path of a file of the run.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Writes a JSON object whole or not at all.</summary>
    public void WriteJson(string name, Action<Utf8JsonWriter> members) => AtomicFile.Write(File(name), stream =>
    {
        using Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        members(json);
        json.WriteEndObject();
    });

    /// <summary>Appends a step to the metrics.</summary>
    /// <param name="step">What it did.</param>
    /// <param name="memoryBytes">The process's memory.</param>
    public void Log(StepReport step, long memoryBytes) => Append(json =>
    {
        json.WriteNumber("step", step.Step);
        json.WriteNumber("loss", step.Loss);
        json.WriteNumber("learning_rate", step.LearningRate);
        json.WriteNumber("gradient_norm", step.GradientNorm);
        json.WriteNumber("tokens", step.Tokens);
        json.WriteNumber("targets", step.Targets);
        json.WriteNumber("tokens_per_second", Math.Round(step.TokensPerSecond, 1));
        json.WriteNumber("memory_bytes", memoryBytes);
        json.WriteNumber("elapsed", Math.Round(step.Elapsed, 3));
        json.WriteNumber("eta", Math.Round(step.SecondsLeft, 3));
    });

    /// <summary>Appends an evaluation to the metrics.</summary>
    /// <param name="step">How many steps were done.</param>
    /// <param name="loss">On the held-out data.</param>
    /// <param name="answers">Exact answers, when they were asked.</param>
    public void Log(long step, LossResult loss, AnswersResult? answers) => Append(json =>
    {
        json.WriteNumber("step", step);
        json.WriteNumber("held_out_loss", loss.NatsPerToken);
        json.WriteNumber("held_out_targets", loss.Targets);
        if (answers is null) return;
        json.WriteNumber("correct", answers.Correct);
        json.WriteNumber("asked", answers.Answers.Count);
    });

    /// <summary>Closes the metrics.</summary>
    public void Dispose() => _metrics.Dispose();

    private static bool IsTaken(string path) => Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any();

    // A line goes to the file in one piece and at once, so that a run that is killed leaves whole lines.
    private void Append(Action<Utf8JsonWriter> members)
    {
        using MemoryStream line = new();
        using (Utf8JsonWriter json = new(line))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }
        line.WriteByte((byte)'\n');
        _metrics.Write(line.GetBuffer().AsSpan(0, (int)line.Length));
        _metrics.Flush();
    }
}
