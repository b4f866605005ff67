using System.Text;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Checkpoints;

/// <summary>
/// Writes a file whole or not at all: into a temporary file of the same folder, flushed to the disk, then renamed.
/// A reader sees the old file or the new one, also after a crash or a full disk.
/// </summary>
public static class AtomicFile
{
    /// <summary>Writes what <paramref name="write"/> puts into the (seekable) stream, replacing an earlier file.</summary>
    /// <exception cref="MokaException">
    /// The folder is missing or the file cannot be written. Nothing of the new content remains.
    /// </exception>
    public static void Write(string path, Action<Stream> write)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? throw Unwritable(path, "it names a root", null);
        string temporary = Path.Combine(folder, $".{Guid.NewGuid():n}.tmp");
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e)
        {
            Remove(temporary);
            if (e is IOException or UnauthorizedAccessException)
            {
                throw Unwritable(path, e.Message, e);
            }
            throw;
        }
    }

    /// <summary>Writes text as UTF-8 without a byte order mark, replacing an earlier file.</summary>
    /// <exception cref="MokaException">
    /// The folder is missing or the file cannot be written. Nothing of the new content remains.
    /// </exception>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    // The first error is the one to report, so a failure to clean up stays silent.
    private static void Remove(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }

    private static MokaException Unwritable(string path, string reason, Exception? inner) =>
        new($"{Quoted.Plain(path)}: cannot be written ({Quoted.Plain(reason)}); " +
            "check that the folder exists, may be written, and has free space.", inner!);
}
