using MoKA.Native.Diagnostics;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Cli.Commands;

/// <summary>Reads the adapters that commands are given.</summary>
internal static class AdapterInput
{
    public const string AnyBase = "--any-base";

    /// <summary>Refuses the option where there is no adapter that it could let in.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public static void CheckAnyBase(bool anyBase, bool adapter)
    {
        if (anyBase && !adapter) throw new UsageException($"{AnyBase} is about an adapter, and none was given; add one, or leave it out.");
    }

    /// <summary>An adapter for a model: one that was trained on it, or on any with maps of the same shapes when asked, which is said.</summary>
    public static StoredAdapter Load(Terminal terminal, string path, LlamaModel model, ModelSource source, bool anyBase)
    {
        string folder = FolderOf(path);
        AdapterOrigin origin = AdapterFolder.ReadOrigin(folder);
        bool other = origin.BaseHash is { } own && own != source.Hash();
        if (other && !anyBase) throw new MokaException($"{folder}: this adapter was trained on another model ({Quoted.Plain(origin.BaseModel)}) than the one given ({source.Path}), or on its weights before they changed; give that model, or {AnyBase} to take it all the same.");
        StoredAdapter stored = AdapterFolder.Load(folder, model, baseHash: null);
        if (other) terminal.Error.WriteLine($"moka: {terminal.Shown(folder)} was trained on another model ({Quoted.Plain(origin.BaseModel)}); its maps have the right shapes, and it is taken");
        return stored;
    }

    /// <summary>The adapter's own folder, also when the run's is given.</summary>
    public static string FolderOf(string path)
    {
        string inRun = Path.Combine(path, RunFolder.AdapterName);
        return !File.Exists(Path.Combine(path, AdapterFolder.ConfigFile)) && Directory.Exists(inRun) ? inRun : path;
    }
}
