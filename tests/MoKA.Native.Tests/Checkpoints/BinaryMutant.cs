using FsCheck;
using FsCheck.Fluent;

namespace MoKA.Native.Tests.Checkpoints;

/// <summary>Up to four random changes to a binary file: bytes flipped, put in, taken out or cut off, and whole numbers overwritten by telling ones.</summary>
public sealed record BinaryMutant(IReadOnlyList<(int Kind, int Where, int Value)> Changes)
{
    private static readonly ulong[] Numbers =
        [0, 1, 2, 3, 4, 7, 8, 9, 13, 31, 32, 33, 255, 256, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1UL << 32, 1UL << 40, long.MaxValue, 1UL << 63, ulong.MaxValue, 0x7FC00000, 0xFF800000];

    /// <summary>The changed file. Half of the changes fall into its first <paramref name="header"/> bytes.</summary>
    public byte[] Apply(byte[] file, int header) => Changes.Aggregate(file, (bytes, change) => Apply(bytes, header, change));

    private static byte[] Apply(byte[] file, int header, (int Kind, int Where, int Value) change)
    {
        int where = change.Where % (1 + (change.Value % 2 == 0 ? Math.Min(header, file.Length) : file.Length));
        byte[] head = file[..where], tail = file[where..], number = BitConverter.GetBytes(Numbers[change.Value % Numbers.Length]);
        return change.Kind switch
        {
            0 when tail.Length > 0 => [.. head, (byte)(tail[0] ^ change.Value), .. tail[1..]],
            1 => [.. head, (byte)change.Value, .. tail],
            2 => [.. head, .. tail.Skip(change.Value)],
            3 => head,
            4 => [.. head, .. number[..4], .. tail.Skip(4)],
            _ => [.. head, .. number, .. tail.Skip(8)],
        };
    }

    /// <summary>What FsCheck draws.</summary>
    public static class Arbitraries
    {
        public static Arbitrary<BinaryMutant> Mutants() => (
            from kind in Gen.Frequency((4, Gen.Constant(0)), (1, Gen.Constant(1)), (1, Gen.Constant(2)), (1, Gen.Constant(3)), (4, Gen.Constant(4)), (4, Gen.Constant(5)))
            from at in Gen.Choose(0, 1 << 24)
            from value in Gen.Choose(0, 255)
            select (kind, at, value)).NonEmptyListOf().Select(list => new BinaryMutant([.. list.Take(4)])).ToArbitrary();
    }
}
