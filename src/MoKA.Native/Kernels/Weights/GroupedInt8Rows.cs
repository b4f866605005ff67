using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// The rows of a matrix of signed bytes, w = q s, whose groups of equally many weights with a scale s each run through all of it,
/// row after row, wherever rows begin.
/// </summary>
internal readonly ref struct GroupedInt8Rows(ReadOnlySpan<sbyte> values, ReadOnlySpan<float> scales, int groupSize, int columns) : IWeightRows
{
    private readonly ReadOnlySpan<sbyte> _values = values;
    private readonly ReadOnlySpan<float> _scales = scales;

    [MethodImpl(Compiled.AtOnce)]
    public void Dequantize(int row, int column, Span<float> weights)
    {
        int first = checked(row * columns + column);
        for (int done = 0, count; done < weights.Length; done += count)
        {
            int at = first + done, group = at / groupSize;
            count = Math.Min(groupSize - at % groupSize, weights.Length - done);
            Scale(_values.Slice(at, count), _scales[group], weights.Slice(done, count));
        }
    }

    [MethodImpl(Compiled.AtOnce)]
    public void DequantizeRows(int row, int rows, int column, int count, Span<float> weights, int apart)
    {
        for (int i = 0; i < rows; i++) Dequantize(row + i, column, weights.Slice(i * apart, count));
    }

    public void Prefetch(int row, int column, int count) => Kernels.Prefetch.Lines(MemoryMarshal.AsBytes(_values.Slice(row * columns + column, count)));

    public int FewTokens(InstructionSet set) => 0;

    public void MultiplyRows(int row, scoped MatrixSpan x, scoped MatrixSpan y, Worker worker) =>
        throw new NotSupportedException("GroupedInt8Rows: there are no pieces of 16 bytes to multiply in the lanes.");

    [MethodImpl(Compiled.AtOnce)]
    private static void Scale(ReadOnlySpan<sbyte> q, float scale, Span<float> weights)
    {
        int i = 0;
        // Both have as many, so the groups of 32 are in bounds.
        ref sbyte from = ref MemoryMarshal.GetReference(q);
        ref float to = ref MemoryMarshal.GetReference(weights);
        for (; i + GroupOf32.Length <= q.Length; i += GroupOf32.Length) GroupOf32.Scale<WholeOf32>(Vector256.LoadUnsafe(ref from, (nuint)i), scale, ref Unsafe.Add(ref to, i));
        for (; i < q.Length; i++) weights[i] = q[i] * scale;
    }
}
