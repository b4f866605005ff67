using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>The rows of root-mean-square normalisation.</summary>
internal static class RmsNormKernels
{
    /// <summary>y = x r ⊙ gain.</summary>
    public static void Forward(InstructionSet set, Span<float> x, Span<float> gain, float r, Span<float> y)
    {
        ForwardKernel kernel = new(x, gain, r, y);
        Elementwise.Run(set, x.Length, ref kernel);
    }

    /// <summary>dx = r (u - x r² (u·x) / n) with u = gain ⊙ dy, for which the caller lends a row; added where asked.</summary>
    public static void Backward(InstructionSet set, Span<float> x, Span<float> gain, float r, Span<float> dy, Span<float> u, Span<float> dx, bool add)
    {
        if (x.Length == 0) return;
        TensorPrimitives.Multiply<float>(gain, dy, u);
        float slope = r * r * Reduce.Dot(set, u, x) / x.Length;
        BackwardKernel kernel = new(x, u, r, slope, dx, add);
        Elementwise.Run(set, x.Length, ref kernel);
    }

    /// <summary>dgain += dy ⊙ x r.</summary>
    public static void GainGradient(InstructionSet set, Span<float> x, Span<float> dy, float r, Span<float> dGain)
    {
        GainKernel kernel = new(x, dy, r, dGain);
        Elementwise.Run(set, x.Length, ref kernel);
    }

    private readonly ref struct ForwardKernel(Span<float> x, Span<float> gain, float r, Span<float> y) : IElementwise
    {
        private readonly ref float _x = ref Elementwise.Start(x, x.Length);
        private readonly ref float _gain = ref Elementwise.Start(gain, x.Length);
        private readonly ref float _y = ref Elementwise.Start(y, x.Length);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes>(int i) where TLanes : struct, ILanes<TLanes> =>
            (TLanes.Load(ref _x, i) * TLanes.Broadcast(r) * TLanes.Load(ref _gain, i)).Store(ref _y, i);
    }

    private readonly ref struct BackwardKernel(Span<float> x, Span<float> u, float r, float slope, Span<float> dx, bool add) : IElementwise
    {
        private readonly ref float _x = ref Elementwise.Start(x, x.Length);
        private readonly ref float _u = ref Elementwise.Start(u, x.Length);
        private readonly ref float _dx = ref Elementwise.Start(dx, x.Length);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes>(int i) where TLanes : struct, ILanes<TLanes>
        {
            TLanes towards = TLanes.Load(ref _u, i) - TLanes.Load(ref _x, i) * TLanes.Broadcast(slope);
            TLanes before = add ? TLanes.Load(ref _dx, i) : TLanes.Broadcast(0);
            TLanes.Fma(towards, TLanes.Broadcast(r), before).Store(ref _dx, i);
        }
    }

    private readonly ref struct GainKernel(Span<float> x, Span<float> dy, float r, Span<float> dGain) : IElementwise
    {
        private readonly ref float _x = ref Elementwise.Start(x, x.Length);
        private readonly ref float _dy = ref Elementwise.Start(dy, x.Length);
        private readonly ref float _dGain = ref Elementwise.Start(dGain, x.Length);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes>(int i) where TLanes : struct, ILanes<TLanes>
        {
            TLanes normalised = TLanes.Load(ref _x, i) * TLanes.Broadcast(r);
            TLanes.Fma(TLanes.Load(ref _dy, i), normalised, TLanes.Load(ref _dGain, i)).Store(ref _dGain, i);
        }
    }
}
