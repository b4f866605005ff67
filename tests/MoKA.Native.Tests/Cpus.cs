namespace MoKA.Native.Tests;

/// <summary>The processors that tests compute on, shared by all: every instruction set of this machine at 1, 2 and 3 threads.</summary>
internal static class Cpus
{
    private static readonly Lazy<Cpu[]> Everything = new(() =>
        [.. from set in Sets from threads in (int[])[1, 2, 3] select new Cpu(threads, set)]);

    /// <summary>The instruction sets that this machine runs.</summary>
    public static InstructionSet[] Sets { get; } = [.. Enum.GetValues<InstructionSet>().Where(set => set <= InstructionSets.Widest)];

    /// <summary>The specification: one thread, one number at a time.</summary>
    public static Cpu Scalar => Everything.Value[0];

    /// <summary>One thread of the widest instruction set.</summary>
    public static Cpu Widest => Everything.Value[^3];

    /// <summary>Every instruction set at every number of threads, the scalar one first.</summary>
    public static IReadOnlyList<Cpu> All => Everything.Value;
}
