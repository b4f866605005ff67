using MoKA.Native.Adapters;
using MoKA.Native.Llama.Checkpoints;

namespace MoKA.Native.Cli.Commands;

/// <summary>An adapter to be written as another kind, with its base or, where its own files tell enough, without.</summary>
/// <param name="Cpu">What the large products run on.</param>
/// <param name="Stored">The adapter, not attached.</param>
/// <param name="Places">The maps it stands at.</param>
/// <param name="Origin">Where a result that is another adapter says it comes from.</param>
/// <param name="Base">The base, or null.</param>
internal sealed record ConvertedAdapter(Cpu Cpu, StoredAdapter Stored, AdapterPlaces Places, AdapterOrigin Origin, AdaptedModel? Base) : IDisposable
{
    /// <summary>One that was loaded with its base, which keeps the <see cref="Cpu"/>.</summary>
    public static ConvertedAdapter Of(AdaptedModel loaded) => new(loaded.Cpu, loaded.Adapter!, AdapterPlaces.Of(loaded.Model), loaded.Origin, loaded);

    /// <summary>Reads one without its base, whose name and hash are those that the adapter tells.</summary>
    public static ConvertedAdapter Alone(string path, string output, bool force, int threads)
    {
        OutputFolder.RequireFree(output, force);
        string folder = AdapterInput.FolderOf(path);
        UsageException.Check(() => OutputPlace.RequireApart(output, folder));
        AdapterPlaces places = AdapterPlaces.In(folder);
        StoredAdapter stored = AdapterFolder.Load(folder, places);
        return new ConvertedAdapter(UsageException.Check(() => new Cpu(threads)), stored, places, new AdapterOrigin(stored.Origin.BaseModel, stored.Origin.BaseHash), Base: null);
    }

    /// <summary>Whether a result is the adapter itself, in files as PEFT reads them: it knows no word for all maps, which older descriptions have.</summary>
    public bool IsSame(AdapterSet made) => made == Stored.Adapters && !made.Targets.Kinds.Contains(AdapterTargets.Everything);

    /// <summary>Writes a result into a folder of PEFT's style; the adapter itself is written as its files were, to the byte.</summary>
    public void Save(string output, AdapterSet made) => AdapterFolder.Save(output, Places, made, IsSame(made) ? Stored.Origin : Origin);

    public void Dispose() => Cpu.Dispose();
}
