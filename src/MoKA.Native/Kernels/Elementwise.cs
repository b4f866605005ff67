using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>One step of an elementwise kernel at any width: reads and writes lanes at an offset.</summary>
internal interface IElementwise
{
    void Step<TLanes>(int offset) where TLanes : struct, ILanes<TLanes>;
}

/// <summary>Runs an elementwise kernel over a row: whole registers first, the rest lane by lane with the same bits.</summary>
internal static class Elementwise
{
    public static void Run<TKernel>(InstructionSet set, int count, ref TKernel kernel) where TKernel : struct, IElementwise, allows ref struct =>
        Run(set, 0, count, ref kernel);

    /// <summary>The same over elements <paramref name="first"/> to <paramref name="end"/> - 1 of the row.</summary>
    public static void Run<TKernel>(InstructionSet set, int first, int end, ref TKernel kernel) where TKernel : struct, IElementwise, allows ref struct
    {
        if (set == InstructionSet.Avx512) first = Whole<TKernel, SixteenLanes>(first, end, ref kernel);
        else if (set == InstructionSet.Avx2) first = Whole<TKernel, EightLanes>(first, end, ref kernel);
        Whole<TKernel, OneLane>(first, end, ref kernel);
    }

    /// <summary>As many whole registers as fit, each width in a method of its own: together they would exceed what the compiler inlines.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static int Whole<TKernel, TLanes>(int first, int end, ref TKernel kernel) where TKernel : struct, IElementwise, allows ref struct where TLanes : struct, ILanes<TLanes>
    {
        int i = first;
        for (; i + TLanes.Count <= end; i += TLanes.Count) kernel.Step<TLanes>(i);
        return i;
    }

    /// <summary>The first element of a row that has at least <paramref name="count"/>; the steps read without checks.</summary>
    public static ref float Start(Span<float> row, int count) => ref MemoryMarshal.GetReference(row[..count]);
}
