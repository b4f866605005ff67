using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>Softmax of one row: p[i] = e^(scale x[i] - max) / Σ e^(scale x[j] - max), in the fixed order of <see cref="Reduce"/>.</summary>
internal static class Softmax
{
    /// <summary>Overwrites the row with e^(scale x - max), scale &gt; 0, and returns the maximum of scale x and the sum.</summary>
    public static (float Max, float Sum) ExponentialsInPlace(InstructionSet set, Span<float> row, float scale)
    {
        // A positive factor keeps the order, rounding included, so the largest product is the largest number's.
        float max = TensorPrimitives.Max<float>(row) * scale;
        Exponentials(set, row, scale, max, 1);
        return (max, Reduce.Sum(set, row));
    }

    /// <summary>Overwrites the row with factor e^(scale x - max).</summary>
    public static void Exponentials(InstructionSet set, Span<float> row, float scale, float max, float factor)
    {
        ExpKernel kernel = new(row, scale, max, factor);
        Elementwise.Run(set, row.Length, ref kernel);
    }

    /// <summary>The way back of p = softmax(scale x): overwrites dp with dx = scale p (dp - inner), where inner = Σ p dp.</summary>
    public static void Backward(InstructionSet set, Span<float> p, float inner, float scale, Span<float> dp)
    {
        BackwardKernel kernel = new(p, inner, scale, dp);
        Elementwise.Run(set, p.Length, ref kernel);
    }

    private readonly ref struct BackwardKernel(Span<float> p, float inner, float scale, Span<float> dp) : IElementwise
    {
        private readonly ref float _p = ref Elementwise.Start(p, p.Length);
        private readonly ref float _dp = ref Elementwise.Start(dp, p.Length);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes>(int i) where TLanes : struct, ILanes<TLanes> =>
            ((TLanes.Load(ref _dp, i) - TLanes.Broadcast(inner)) * TLanes.Load(ref _p, i) * TLanes.Broadcast(scale)).Store(ref _dp, i);
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
