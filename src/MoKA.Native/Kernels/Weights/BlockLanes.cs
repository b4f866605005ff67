using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// Few tokens times 64 rows of blocks, in float: rows lie side by side in the lanes of registers, their scales and codes are read,
/// a block of each row at a time, and weights are made of them. As in <see cref="LaneRows"/> four sums take turns, of four registers
/// of rows for one token or of one register for each of four tokens, and the bits are those of the product with the
/// dequantised rows. AVX-512 and AVX2. See Int4.md.
/// </summary>
internal static class BlockLanes
{
    /// <summary>Rows at a time.</summary>
    public const int Rows = LaneRows.Rows;

    /// <summary>Weights of a run.</summary>
    public const int Run = 16;

    /// <summary>Runs of a row that are decoded at once: one large block, or eight of 32 weights.</summary>
    public const int RunsAtOnce = 16;

    /// <summary>With more tokens it takes less time to dequantise panels and to multiply those.</summary>
    public static int FewTokens(InstructionSet set) => set == InstructionSet.Avx512 ? 16 : 12;

    /// <summary>y [tokens, 64] += x [tokens, in] Wᵀ. Rows begin <paramref name="stride"/> bytes apart; the bytes that come next are asked for on the way.</summary>
    public static void Multiply<TBlock>(Worker worker, ReadOnlySpan<byte> rows, int stride, int blocks, ReadOnlySpan<byte> next, MatrixSpan x, MatrixSpan y) where TBlock : struct, IBlockInLanes
    {
        if (worker.InstructionSet == InstructionSet.Avx512) BlockLanes<TBlock, SixteenIntegers, SixteenLanes>.Multiply(worker, rows, stride, blocks, next, x, y);
        else BlockLanes<TBlock, EightIntegers, EightLanes>.Multiply(worker, rows, stride, blocks, next, x, y);
    }
}

/// <summary>The same for one format and one width of registers.</summary>
internal static class BlockLanes<TBlock, TIntegers, TFloats>
    where TBlock : struct, IBlockInLanes
    where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
    where TFloats : struct, ILanes<TFloats>
{
    private const int Rows = BlockLanes.Rows, Run = BlockLanes.Run, RunsAtOnce = BlockLanes.RunsAtOnce, IntegersOfRun = 4, Four = 4;

    private static int RunsOfBlock
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TBlock.Weights / Run;
    }

    /// <summary>Floats from a block's scales to the next block's.</summary>
    private static int ScalesOfBlock
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => RunsOfBlock / TBlock.RunsOfScale * Rows;
    }

    public static void Multiply(Worker worker, ReadOnlySpan<byte> rows, int stride, int blocks, ReadOnlySpan<byte> next, MatrixSpan x, MatrixSpan y)
    {
        // Room for the codes of so many runs of four registers of rows, then for their scales and minima.
        int codes = RunsAtOnce * IntegersOfRun * Four * TFloats.Count, numbers = RunsAtOnce / RunsOfBlock * ScalesOfBlock;
        Span<float> scratch = worker.Scratch(ScratchSlot.Dequantised, codes + 2 * numbers);
        // The slice proves the bounds once; the loops below read without checks.
        ref byte first = ref MemoryMarshal.GetReference(rows[..((Rows - 1) * stride + blocks * TBlock.Bytes)]);
        for (int token = 0, some; token < x.Rows; token += some)
        {
            some = Math.Min(Four, x.Rows - token);
            int together = some == 1 ? Four * TFloats.Count : TFloats.Count;
            for (int row = 0; row < Rows; row += together)
            {
                Blocks of = new(ref Unsafe.Add(ref first, row * stride), stride, blocks, ref scratch[codes], ref scratch[codes + numbers], ref scratch[0]);
                MatrixSpan to = y.Block(token, some, row, together);
                if (some == 1) OneToken(of, x.Row(token), to.Row(0), next);
                else FourTokens(of, x.RowRange(token, some), to, next);
                next = next[Math.Min(next.Length, together * stride)..];
            }
        }
    }

    /// <summary>
    /// The scales and codes of so many blocks of each row of four registers. A call of its own: <see cref="OneToken"/> is as long as
    /// the compiler makes a method out of short ones.
    /// </summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void DecodeFour(Blocks of, ref byte block, int blocks)
    {
        nint stride = of.Stride;
        ref TIntegers codes = ref Unsafe.As<float, TIntegers>(ref of.Codes);
        ref float scales = ref of.Scales, minima = ref of.Minima;
        for (int b = 0; b < blocks; b++)
        {
            for (int r = 0; r < Four; r++)
            {
                ref byte own = ref Unsafe.Add(ref block, r * TFloats.Count * stride);
                TBlock.Scales<TIntegers, TFloats>(ref own, stride, ref Unsafe.Add(ref scales, r * TFloats.Count), ref Unsafe.Add(ref minima, r * TFloats.Count), Rows);
                TBlock.Codes<TIntegers, TFloats, CodesInMemory<TIntegers, TFloats>>(ref own, stride, new(ref Unsafe.Add(ref codes, r), Four));
            }
            block = ref Unsafe.Add(ref block, TBlock.Bytes);
            codes = ref Unsafe.Add(ref codes, RunsOfBlock * IntegersOfRun * Four);
            scales = ref Unsafe.Add(ref scales, ScalesOfBlock);
            minima = ref Unsafe.Add(ref minima, ScalesOfBlock);
        }
    }

    /// <summary>One token and four registers of rows.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void OneToken(Blocks of, ReadOnlySpan<float> x, Span<float> y, ReadOnlySpan<byte> next)
    {
        int runs = RunsOfBlock, ahead = Four * TFloats.Count * TBlock.Bytes / runs;
        ref byte block = ref of.First;
        ref float value = ref MemoryMarshal.GetReference(x[..(of.Count * TBlock.Weights)]), sums = ref MemoryMarshal.GetReference(y[..(Four * TFloats.Count)]);
        for (int left = of.Count; left > 0; left -= RunsAtOnce / RunsOfBlock)
        {
            int some = Math.Min(RunsAtOnce / RunsOfBlock, left);
            DecodeFour(of, ref block, some);
            TFloats a = TFloats.Load(ref sums, 0), b = TFloats.Load(ref sums, TFloats.Count), c = TFloats.Load(ref sums, 2 * TFloats.Count), d = TFloats.Load(ref sums, 3 * TFloats.Count);
            ref TIntegers codes = ref Unsafe.As<float, TIntegers>(ref of.Codes);
            ref float scale = ref of.Scales, minimum = ref of.Minima;
            for (int run = 0; run < some * runs; run++)
            {
                Prefetch.Next(ref next, ahead);
                for (nint integer = 0; integer < IntegersOfRun; integer++)
                {
                    a = AddFour(a, Centred(codes), ref scale, ref minimum, 0, ref value);
                    b = AddFour(b, Centred(Unsafe.Add(ref codes, 1)), ref scale, ref minimum, TFloats.Count, ref value);
                    c = AddFour(c, Centred(Unsafe.Add(ref codes, 2)), ref scale, ref minimum, 2 * TFloats.Count, ref value);
                    d = AddFour(d, Centred(Unsafe.Add(ref codes, 3)), ref scale, ref minimum, 3 * TFloats.Count, ref value);
                    codes = ref Unsafe.Add(ref codes, Four);
                    value = ref Unsafe.Add(ref value, sizeof(int));
                }
                // On to the next scale after the last run that shares this one.
                if ((run + 1) % TBlock.RunsOfScale == 0)
                {
                    scale = ref Unsafe.Add(ref scale, Rows);
                    minimum = ref Unsafe.Add(ref minimum, Rows);
                }
            }
            a.Store(ref sums, 0);
            b.Store(ref sums, TFloats.Count);
            c.Store(ref sums, 2 * TFloats.Count);
            d.Store(ref sums, 3 * TFloats.Count);
            block = ref Unsafe.Add(ref block, some * TBlock.Bytes);
        }
    }

    /// <summary>Up to four tokens and one register of rows. With fewer the last one is multiplied again, with the same bits.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void FourTokens(Blocks of, MatrixSpan x, MatrixSpan y, ReadOnlySpan<byte> next)
    {
        nint stride = of.Stride;
        int last = x.Rows - 1, ahead = TFloats.Count * TBlock.Bytes / RunsOfBlock;
        TokenSteps steps = Kernels.FourTokens.Steps(x, 0);
        ref byte block = ref of.First;
        ref TIntegers start = ref Unsafe.As<float, TIntegers>(ref of.Codes);
        ref float value = ref MemoryMarshal.GetReference(x.Data[..(last * x.RowStride + of.Count * TBlock.Weights)]);
        ref float y0 = ref First(y, 0), y1 = ref First(y, Math.Min(1, last)), y2 = ref First(y, Math.Min(2, last)), y3 = ref First(y, last);
        TFloats a = TFloats.Load(ref y0, 0), b = TFloats.Load(ref y1, 0), c = TFloats.Load(ref y2, 0), d = TFloats.Load(ref y3, 0);
        for (int i = 0; i < of.Count; i++)
        {
            TBlock.Scales<TIntegers, TFloats>(ref block, stride, ref of.Scales, ref of.Minima, Rows);
            TBlock.Codes<TIntegers, TFloats, CodesInMemory<TIntegers, TFloats>>(ref block, stride, new(ref start, 1));
            ref TIntegers codes = ref start;
            ref float scale = ref of.Scales, minimum = ref of.Minima;
            for (int run = 0; run < RunsOfBlock; run++)
            {
                Prefetch.Next(ref next, ahead);
                for (nint integer = 0; integer < IntegersOfRun; integer++)
                {
                    TIntegers each = Centred(codes);
                    TFloats w0 = Weight(each, 0, ref scale, ref minimum, 0), w1 = Weight(each, 1, ref scale, ref minimum, 0), w2 = Weight(each, 2, ref scale, ref minimum, 0), w3 = Weight(each, 3, ref scale, ref minimum, 0);
                    a = Add(a, w0, w1, w2, w3, ref value);
                    b = Add(b, w0, w1, w2, w3, ref Unsafe.Add(ref value, steps.Second));
                    c = Add(c, w0, w1, w2, w3, ref Unsafe.Add(ref value, steps.Third));
                    d = Add(d, w0, w1, w2, w3, ref Unsafe.Add(ref value, steps.Fourth));
                    codes = ref Unsafe.Add(ref codes, 1);
                    value = ref Unsafe.Add(ref value, sizeof(int));
                }
                // On to the next scale after the last run that shares this one.
                if ((run + 1) % TBlock.RunsOfScale == 0)
                {
                    scale = ref Unsafe.Add(ref scale, Rows);
                    minimum = ref Unsafe.Add(ref minimum, Rows);
                }
            }
            block = ref Unsafe.Add(ref block, TBlock.Bytes);
        }
        a.Store(ref y0, 0);
        b.Store(ref y1, 0);
        c.Store(ref y2, 0);
        d.Store(ref y3, 0);
    }

    /// <summary>Codes as signed numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TIntegers Centred(TIntegers codes) => TBlock.Centre == 0 ? codes : TIntegers.SubtractFromBytes(codes, TBlock.Centre);

    private static ref float First(MatrixSpan y, int token) => ref MemoryMarshal.GetReference(y.Row(token)[..TFloats.Count]);

    /// <summary>The sum and the weights of an integer's four bytes × x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloats AddFour(TFloats sum, TIntegers codes, ref float scales, ref float minima, int row, ref float x) =>
        Add(sum, Weight(codes, 0, ref scales, ref minima, row), Weight(codes, 1, ref scales, ref minima, row), Weight(codes, 2, ref scales, ref minima, row), Weight(codes, 3, ref scales, ref minima, row), ref x);

    /// <summary>The sum and four weights × x, in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloats Add(TFloats sum, TFloats w0, TFloats w1, TFloats w2, TFloats w3, ref float x)
    {
        sum = TFloats.Fma(w0, TFloats.Broadcast(x), sum);
        sum = TFloats.Fma(w1, TFloats.Broadcast(Unsafe.Add(ref x, 1)), sum);
        sum = TFloats.Fma(w2, TFloats.Broadcast(Unsafe.Add(ref x, 2)), sum);
        return TFloats.Fma(w3, TFloats.Broadcast(Unsafe.Add(ref x, 3)), sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloats Weight(TIntegers codes, int index, ref float scales, ref float minima, int row)
    {
        TFloats scaled = codes.SignedByte(index) * TFloats.Load(ref scales, row);
        return TBlock.HasMinimum ? scaled + TFloats.Load(ref minima, row) : scaled;
    }

    /// <summary>Blocks of some rows: where the first begins, from row to row in bytes, how many of each row, their scales and minima, and room for codes.</summary>
    private readonly ref struct Blocks(ref byte first, nint stride, int count, ref float scales, ref float minima, ref float codes)
    {
        public readonly ref byte First = ref first;
        public readonly nint Stride = stride;
        public readonly int Count = count;
        public readonly ref float Scales = ref scales, Minima = ref minima, Codes = ref codes;
    }
}
