using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace MoKA.Native.Tests.Checkpoints;

/// <summary>Up to four random changes to a file's bytes: flipped, inserted, removed, cut, or replaced by a telling piece.</summary>
public sealed record Mutant(IReadOnlyList<(int Kind, int Where, int Value)> Changes)
{
    private static readonly string[] Pieces =
        ["[", "]", "{", "}", ",", ":", "\"", "0", "-1", "1e99", "1.5", "2147483648", "null", "true", "\\ud800", "\\n", "MOKA", "q_proj", "F64", "[0,0]", "\0", "\xff"];

    /// <summary>The changed file.</summary>
    public byte[] Apply(byte[] file) => Changes.Aggregate(file, Apply);

    private static byte[] Apply(byte[] file, (int Kind, int Where, int Value) change)
    {
        int where = change.Where % (file.Length + 1);
        byte[] head = file[..where], tail = file[where..];
        byte[] piece = Encoding.Latin1.GetBytes(Pieces[change.Value % Pieces.Length]);
        return change.Kind switch
        {
            0 when tail.Length > 0 => [.. head, (byte)(tail[0] ^ change.Value), .. tail[1..]],
            1 => [.. head, (byte)change.Value, .. tail],
            2 => [.. head, .. tail.Skip(change.Value)],
            3 => head,
            4 => [.. head, .. piece, .. tail],
            _ => [.. head, .. piece, .. tail.Skip(piece.Length)],
        };
    }

    /// <summary>What FsCheck draws.</summary>
    public static class Arbitraries
    {
        public static Arbitrary<Mutant> Mutants() => (
            from kind in Gen.Choose(0, 5)
            from at in Gen.Choose(0, 1 << 20)
            from value in Gen.Choose(0, 255)
            select (kind, at, value)).NonEmptyListOf().Select(list => new Mutant([.. list.Take(4)])).ToArbitrary();
    }
}
