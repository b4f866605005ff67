namespace MoKA.Native.Kernels;

/// <summary>Work cut into numbered items that may run in any order on any thread, because no two write the same memory.</summary>
internal interface IJob
{
    void Run(int item, Worker worker);
}

/// <summary>The thread a kernel runs on: its instruction set and its private scratch memory.</summary>
internal readonly struct Worker(Cpu cpu, int index)
{
    /// <summary>From 0, the caller's, to one less than there are threads.</summary>
    public int Index => index;

    public InstructionSet InstructionSet => cpu.InstructionSet;

    /// <summary>At least <paramref name="count"/> floats that only this thread uses, until the next request for the same slot.</summary>
    public Span<float> Scratch(ScratchSlot slot, int count) => cpu.Scratch(index, slot, count);
}

/// <summary>Who uses a piece of a thread's scratch memory; kernels that call each other use different ones.</summary>
internal enum ScratchSlot
{
    QuantizedTokens,
    PanelsOfA,
    PanelOfB,
    RowsApart,
    EdgeTile,
    Dequantised,
    PackedHead,
    Scores,
    ScoreGradients,
    RowValues,
    Intermediate,
    IntermediateGradient,
    Count,
}
