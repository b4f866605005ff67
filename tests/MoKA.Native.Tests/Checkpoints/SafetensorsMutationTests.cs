using System.Text;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Tests.Checkpoints;

/// <summary>A valid file with something changed is read or refused, within memory bounded by its own length.</summary>
public sealed class SafetensorsMutationTests : IDisposable
{
    // Pieces that steer a mutant past the JSON reader to the later checks.
    private static readonly string[] Tokens =
        ["[", "]", "{", "}", ",", ":", "\"", "0", "-1", "1e9", "18446744073709551615", "9223372036854775807", "4294967296", "F4", "U64", "null",
         "\\ud800", "\\n", "__metadata__", "shape", "dtype", "data_offsets", "[0,0]", "[0,24]", "[24,26]", "\0", "\xff"];

    private static readonly byte[] Valid = MakeValid();

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>One change: what to do, where, and with which value.</summary>
    public sealed record Change(int Kind, int Where, int Value);

    public static class Changes
    {
        public static Arbitrary<Change[]> Arrays() => (
            from kind in Gen.Choose(0, 5)
            from at in Gen.Choose(0, Valid.Length)
            from value in Gen.Choose(0, 255)
            select new Change(kind, at, value)).NonEmptyListOf().Select(list => list.Take(4).ToArray()).ToArbitrary();
    }

    [Property(Arbitrary = [typeof(Changes)], MaxTest = 10_000)]
    public void EveryMutantIsReadOrRefused(Change[] changes)
    {
        byte[] mutant = changes.Aggregate(Valid, Apply);
        string path = _folder.File("m", mutant);
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using var file = new SafetensorsFile(path);
            foreach (TensorEntry entry in file.Tensors.Values)
            {
                Assert.Equal(entry.ByteLength, file.Bytes(entry.Name).Length);
            }
        }
        catch (MokaException e)
        {
            Assert.DoesNotContain(e.Message, char.IsControl);
            Assert.InRange(e.Message.Length, 20, 1500);
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000 + 100 * mutant.Length);
    }

    private static byte[] Apply(byte[] file, Change change)
    {
        int where = Math.Min(change.Where, file.Length);
        byte[] head = file[..where], tail = file[where..];
        byte[] token = Encoding.Latin1.GetBytes(Tokens[change.Value % Tokens.Length]);
        return change.Kind switch
        {
            0 when tail.Length > 0 => [.. head, (byte)(tail[0] ^ change.Value), .. tail[1..]],
            1 => [.. head, (byte)change.Value, .. tail],
            2 => [.. head, .. tail.Skip(change.Value)],
            3 => head,
            // With the header's length kept true, so that its content is what is judged.
            4 => WithLength([.. head, .. token, .. tail], token.Length),
            5 => WithLength([.. head, .. token, .. tail.Skip(token.Length)], Math.Max(0, token.Length - tail.Length)),
            _ => file,
        };
    }

    private static byte[] WithLength(byte[] file, int added)
    {
        if (file.Length < 8)
        {
            return file;
        }
        return [.. BitConverter.GetBytes(BitConverter.ToUInt64(file) + (ulong)added), .. file[8..]];
    }

    private static byte[] MakeValid()
    {
        var writer = new SafetensorsWriter();
        writer.Add("attn.0", [1, 2, 3], [0f, 1f, 2f, 3f, 4f, 5f]);
        writer.Add("half", ElementType.F16, [1], new byte[2]);
        writer.Add("empty", ElementType.I64, [0, 7], Array.Empty<byte>());
        writer.Add("nibbles", ElementType.F4, [2, 2], new byte[2]);
        var stream = new MemoryStream();
        writer.WriteTo(stream, new Dictionary<string, string> { ["format"] = "pt" });
        return stream.ToArray();
    }
}
