using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>Softmax of one row: p[i] = e^(scale x[i] - max) / Σ e^(scale x[j] - max), in the fixed order of <see cref="Reduce"/>.</summary>
internal static class Softmax
{
    /// <summary>Overwrites the row with e^(scale x - max) and returns the maximum of scale x and the sum.</summary>
    public static (float Max, float Sum) ExponentialsInPlace(InstructionSet set, Span<float> row, float scale)
    {
        if (scale != 1) TensorPrimitives.Multiply<float>(row, scale, row);
        float max = TensorPrimitives.Max<float>(row);
        Exponentials(set, row, 1, max, 1);
        return (max, Reduce.Sum(set, row));
    }

    /// <summary>Overwrites the row with factor e^(scale x - max).</summary>
    public static void Exponentials(InstructionSet set, Span<float> row, float scale, float max, float factor)
    {
        ExpKernel kernel = new(row, scale, max, factor);
        Elementwise.Run(set, row.Length, ref kernel);
    }

    private readonly ref struct ExpKernel(Span<float> row, float scale, float max, float factor) : IElementwise
    {
        private readonly ref float _row = ref Elementwise.Start(row, row.Length);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes>(int i) where TLanes : struct, ILanes<TLanes>
        {
            TLanes shifted = TLanes.Load(ref _row, i) * TLanes.Broadcast(scale) - TLanes.Broadcast(max);
            (Exp.Of(shifted) * TLanes.Broadcast(factor)).Store(ref _row, i);
        }
    }
}
