using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// Files that wait in a folder inside the one they are for, and so on its disk, until it is known whether they may go there.
/// Unless they are published nothing is left of them, and what the folder held stays as it was.
/// </summary>
internal sealed class StagedFolder : IDisposable
{
    private readonly string _output;
    private readonly List<string> _made = []; // the folders that were not there, the innermost first

    /// <summary>Makes the folder unless it is there, and the place to wait in it.</summary>
    /// <exception cref="MokaException">A folder cannot be made.</exception>
    public StagedFolder(string output)
    {
        _output = output;
        for (string? folder = System.IO.Path.GetFullPath(output); folder is not null && !Directory.Exists(folder); folder = System.IO.Path.GetDirectoryName(folder)) _made.Add(folder);
        ModelFolder.Create(output);
        Path = System.IO.Path.Combine(output, $".{Guid.NewGuid():n}.tmp");
        ModelFolder.Create(Path);
    }

    /// <summary>Where to write.</summary>
    public string Path { get; }

    /// <summary>Moves the files to their place, over earlier ones of their names; none of them may be open.</summary>
    /// <param name="last">The one that makes the others mean something.</param>
    /// <exception cref="MokaException">A file cannot be moved.</exception>
    public void Publish(string last)
    {
        try
        {
            foreach (string name in Directory.GetFiles(Path).Select(file => System.IO.Path.GetFileName(file)).OrderBy(name => name == last))
            {
                File.Move(System.IO.Path.Combine(Path, name), System.IO.Path.Combine(_output, name), overwrite: true);
                _made.Clear();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MokaException($"{Quoted.Plain(_output)}: cannot be written ({Quoted.Plain(e.Message)}); check that the folder and the files in it may be written.", e);
        }
    }

    /// <summary>Removes what still waits.</summary>
    public void Dispose()
    {
        // The first error is the one to report, so a failure to clean up stays silent.
        try
        {
            Directory.Delete(Path, recursive: true);
            foreach (string folder in _made) Directory.Delete(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}
