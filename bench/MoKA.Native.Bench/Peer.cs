using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace MoKA.Native.Bench;

/// <summary>
/// libtorch through TorchSharp, in a process of its own: the project beside this one, built by hand because its packages
/// are large. Without it, or where libtorch cannot load, there are no ratios and <see cref="Silence"/> says why.
/// </summary>
internal sealed class Peer
{
    private const string Name = "MoKA.Native.Bench.Torch";
    private readonly string? _program;

    public Peer()
    {
        string project = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(SourceFile())!, "..", Name));
        string build = Path.Combine(project, "bin", "Release");
        _program = Directory.Exists(build) ? Directory.EnumerateFiles(build, Name + ".dll", SearchOption.AllDirectories).FirstOrDefault() : null;
        if (_program is null) Silence = $"the peer is not built (dotnet build -c Release bench/{Name})";
        else Version = Ask("info", 2)?.GetProperty("Version").GetString();
    }

    /// <summary>libtorch's version, or null when there is no peer.</summary>
    public string? Version { get; }

    /// <summary>Why there is no peer.</summary>
    public string Silence { get; private set; } = "";

    /// <summary>One line for a table's head.</summary>
    public string Description => Version is null ? $"No ratios to PyTorch: {Silence}." : $"PyTorch: libtorch {Version} through TorchSharp, measured in the same run, a process for each figure.";

    /// <summary>What the peer answers to a command, or null.</summary>
    public JsonElement? Ask(string what, int threads, params object[] arguments)
    {
        if (_program is null || (Version is null && what != "info")) return null;
        ProcessStartInfo start = new("dotnet", [_program, what, threads.ToString(), .. arguments.Select(a => a.ToString()!)]) { RedirectStandardOutput = true, RedirectStandardError = true };
        string shim = Path.Combine(Path.GetDirectoryName(_program)!, "shim.so");
        if (File.Exists(shim)) start.Environment["LD_PRELOAD"] = shim;
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode == 0) return JsonDocument.Parse(output).RootElement;
            Silence = error.Result.Trim().Split('\n')[^1].TrimEnd('.');
        }
        catch (Win32Exception failure)
        {
            Silence = failure.Message;
        }
        return null;
    }

    /// <summary>The median time of a command in seconds, or null.</summary>
    public double? Seconds(string what, int threads, params object[] arguments) => Ask(what, threads, arguments)?.GetProperty("Milliseconds").GetDouble() / 1000;

    private static string SourceFile([CallerFilePath] string path = "") => path;
}
