using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>How a row of weights lies in memory: blocks of equally many weights in equally many bytes, one behind another.</summary>
internal abstract class BlockFormat(int weights, int bytes)
{
    /// <summary>Weights in a block; a row holds whole blocks.</summary>
    public int Weights { get; } = weights;

    /// <summary>Bytes of a block.</summary>
    public int Bytes { get; } = bytes;

    /// <summary>Writes the weights of a row from <paramref name="column"/> on.</summary>
    public abstract void Dequantize(ReadOnlySpan<byte> row, int column, Span<float> weights);

    /// <summary>The same for some adjacent rows, <paramref name="apart"/> floats from row to row.</summary>
    public virtual void DequantizeRows(ReadOnlySpan<byte> rows, int bytesOfRow, int column, int count, Span<float> weights, int apart)
    {
        for (int at = 0; at < rows.Length; at += bytesOfRow)
        {
            Dequantize(rows.Slice(at, bytesOfRow), column, weights[..count]);
            weights = weights[Math.Min(apart, weights.Length)..];
        }
    }

    /// <summary>Whether whole blocks stand for finite numbers only.</summary>
    public abstract bool IsFinite(ReadOnlySpan<byte> blocks);

    /// <summary>How many tokens <see cref="MultiplyFew"/> is the faster way for, with rows of so many bytes.</summary>
    public abstract int FewTokens(InstructionSet set, int bytesOfRow);

    /// <summary>y [tokens, some] += x [tokens, in] times the first of <paramref name="rows"/>, some times the 64 that <see cref="LaneRows"/> takes.</summary>
    public abstract void MultiplyFew(Worker worker, ReadOnlySpan<byte> rows, int bytesOfRow, MatrixSpan x, MatrixSpan y);

    /// <summary>Whether there are products in integers.</summary>
    public virtual bool TakesInt8 => false;

    /// <summary>y [tokens, outputs] = x [tokens, in] Wᵀ with x rounded to 8 bits, where there are.</summary>
    public virtual void MultiplyInIntegers(Cpu cpu, MatrixSpan x, ReadOnlySpan<byte> weights, int outputs, MatrixSpan y) => throw new NotSupportedException("Numbers of 16 bits have no products in integers.");
}

/// <summary>One block of a quantised format, whose weights are decoded in groups of 32: see its file for the layout.</summary>
internal interface IBlock
{
    /// <summary>Weights in a block, a multiple of 32.</summary>
    static abstract int Weights { get; }

    /// <summary>Bytes of a block.</summary>
    static abstract int Bytes { get; }

    /// <summary>Writes weights 32 group .. 32 group + 31 of the block, or half of them.</summary>
    static abstract void Dequantize<TPart>(ref byte block, int group, ref float weights) where TPart : struct, IPartOf32;

    /// <summary>Whether the block's scales are finite: then so are its weights.</summary>
    static abstract bool IsFinite(ref byte block);
}

/// <summary>Rows of quantised blocks.</summary>
internal abstract class BlockFormat<TBlock>() : BlockFormat(TBlock.Weights, TBlock.Bytes) where TBlock : struct, IBlockInLanes
{
    public sealed override bool TakesInt8 => true;

    public sealed override void MultiplyInIntegers(Cpu cpu, MatrixSpan x, ReadOnlySpan<byte> weights, int outputs, MatrixSpan y) => Int8Product.Multiply<TBlock>(cpu, x, weights, outputs, y);

    [MethodImpl(Compiled.AtOnce)]
    public override void Dequantize(ReadOnlySpan<byte> row, int column, Span<float> weights)
    {
        if (column % GroupOf32.Length != 0 || weights.Length % GroupOf32.Length != 0)
        {
            DequantizePieces(row, column, weights);
            return;
        }
        // The slice proves the bounds once; the loop reads and writes without checks.
        int first = column / GroupOf32.Length, groups = weights.Length / GroupOf32.Length, groupsOfBlock = TBlock.Weights / GroupOf32.Length;
        ref byte blocks = ref MemoryMarshal.GetReference(row[..(Ceiling.OfRatio(first + groups, groupsOfBlock) * TBlock.Bytes)]);
        ref float to = ref MemoryMarshal.GetReference(weights);
        for (int group = first; group < first + groups; group++)
        {
            TBlock.Dequantize<WholeOf32>(ref Unsafe.Add(ref blocks, group / groupsOfBlock * TBlock.Bytes), group % groupsOfBlock, ref to);
            to = ref Unsafe.Add(ref to, GroupOf32.Length);
        }
    }

    /// <summary>A single group of each row, or half of one, as panels of W have them, is found without looking for its block each time.</summary>
    public override void DequantizeRows(ReadOnlySpan<byte> rows, int bytesOfRow, int column, int count, Span<float> weights, int apart)
    {
        int skipped = column % GroupOf32.Length;
        if (rows.Length == 0) return;
        if (count == GroupOf32.Length && skipped == 0) DequantizeColumn<WholeOf32>(rows, bytesOfRow, column, weights, apart);
        else if (count == GroupOf32.HalfLength && skipped == 0) DequantizeColumn<FirstOf32>(rows, bytesOfRow, column, weights, apart);
        else if (count == GroupOf32.HalfLength && skipped == GroupOf32.HalfLength) DequantizeColumn<LastOf32>(rows, bytesOfRow, column, weights, apart);
        else base.DequantizeRows(rows, bytesOfRow, column, count, weights, apart);
    }

    [MethodImpl(Compiled.AtOnce)]
    private static void DequantizeColumn<TPart>(ReadOnlySpan<byte> rows, int bytesOfRow, int column, Span<float> weights, int apart) where TPart : struct, IPartOf32
    {
        int number = rows.Length / bytesOfRow, block = column / TBlock.Weights * TBlock.Bytes, group = column % TBlock.Weights / GroupOf32.Length;
        int count = TPart.HasFirst && TPart.HasLast ? GroupOf32.Length : GroupOf32.HalfLength;
        // The slices prove the bounds once; the loop reads and writes without checks.
        ref byte at = ref MemoryMarshal.GetReference(rows.Slice(block, (number - 1) * bytesOfRow + TBlock.Bytes));
        ref float to = ref MemoryMarshal.GetReference(weights[..((number - 1) * apart + count)]);
        for (int i = 0; i < number; i++)
        {
            Prefetch.RowAhead(ref at, bytesOfRow);
            TBlock.Dequantize<TPart>(ref at, group, ref to);
            at = ref Unsafe.Add(ref at, bytesOfRow);
            to = ref Unsafe.Add(ref to, apart);
        }
    }

    /// <summary>The same where groups are cut at either end.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void DequantizePieces(ReadOnlySpan<byte> row, int column, Span<float> weights)
    {
        Span<float> whole = stackalloc float[GroupOf32.Length];
        for (int done = 0, count; done < weights.Length; done += count)
        {
            int at = column + done, skip = at % GroupOf32.Length;
            count = Math.Min(GroupOf32.Length - skip, weights.Length - done);
            ref byte block = ref MemoryMarshal.GetReference(row.Slice(at / TBlock.Weights * TBlock.Bytes, TBlock.Bytes));
            TBlock.Dequantize<WholeOf32>(ref block, at % TBlock.Weights / GroupOf32.Length, ref MemoryMarshal.GetReference(whole));
            whole.Slice(skip, count).CopyTo(weights[done..]);
        }
    }

    [MethodImpl(Compiled.AtOnce)]
    public override bool IsFinite(ReadOnlySpan<byte> blocks)
    {
        for (int at = 0; at < blocks.Length; at += TBlock.Bytes)
            if (!TBlock.IsFinite(ref MemoryMarshal.GetReference(blocks.Slice(at, TBlock.Bytes)))) return false;
        return true;
    }

    public sealed override int FewTokens(InstructionSet set, int bytesOfRow) => set == InstructionSet.Scalar ? 0 : FewTokens(set);

    public sealed override void MultiplyFew(Worker worker, ReadOnlySpan<byte> rows, int bytesOfRow, MatrixSpan x, MatrixSpan y)
    {
        for (int row = 0; row < y.Columns; row += LaneRows.Rows)
        {
            int stride = bytesOfRow;
            ReadOnlySpan<byte> some = LaneRows.Apart(worker, rows[..(LaneRows.Rows * bytesOfRow)], LaneRows.Rows, ref stride, bytesOfRow);
            rows = rows[(LaneRows.Rows * bytesOfRow)..];
            MultiplyRows(worker, some, stride, bytesOfRow / Bytes, rows, x, y.Block(0, y.Rows, row, LaneRows.Rows));
        }
    }

    protected abstract int FewTokens(InstructionSet set);

    /// <summary>y [tokens, 64] += x Wᵀ for 64 rows of so many blocks; those that come next are asked for.</summary>
    protected abstract void MultiplyRows(Worker worker, ReadOnlySpan<byte> rows, int stride, int blocks, ReadOnlySpan<byte> next, MatrixSpan x, MatrixSpan y);
}

/// <summary>Blocks that few tokens are multiplied with as <see cref="BlockLanes"/>.</summary>
internal sealed class RunFormat<TBlock> : BlockFormat<TBlock> where TBlock : struct, IBlockInLanes
{
    protected override int FewTokens(InstructionSet set) => BlockLanes.FewTokens(set);

    protected override void MultiplyRows(Worker worker, ReadOnlySpan<byte> rows, int stride, int blocks, ReadOnlySpan<byte> next, MatrixSpan x, MatrixSpan y) =>
        BlockLanes.Multiply<TBlock>(worker, rows, stride, blocks, next, x, y);
}
