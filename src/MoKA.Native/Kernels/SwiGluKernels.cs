using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>The rows of the gated unit.</summary>
internal static class SwiGluKernels
{
    /// <summary>y = gate σ(gate) ⊙ up.</summary>
    public static void Forward(InstructionSet set, Span<float> gate, Span<float> up, Span<float> y)
    {
        ForwardKernel kernel = new(gate, up, y);
        Elementwise.Run(set, gate.Length, ref kernel);
    }

    /// <summary>dup = dy ⊙ gate σ, dgate = dy ⊙ up ⊙ σ (1 + gate (1 - σ)), added to what is there where asked.</summary>
    public static void Backward(InstructionSet set, Span<float> gate, Span<float> up, Span<float> dy, Span<float> dGate, bool addGate, Span<float> dUp, bool addUp)
    {
        BackwardKernel kernel = new(gate, up, dy, dGate, addGate, dUp, addUp);
        Elementwise.Run(set, gate.Length, ref kernel);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Sigmoid<TLanes>(TLanes z) where TLanes : struct, ILanes<TLanes>
    {
        TLanes one = TLanes.Broadcast(1);
        return one / (one + Exp.Of(TLanes.Broadcast(0) - z));
    }

    private readonly ref struct ForwardKernel(Span<float> gate, Span<float> up, Span<float> y) : IElementwise
    {
        private readonly ref float _gate = ref Elementwise.Start(gate, gate.Length);
        private readonly ref float _up = ref Elementwise.Start(up, gate.Length);
        private readonly ref float _y = ref Elementwise.Start(y, gate.Length);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes>(int i) where TLanes : struct, ILanes<TLanes>
        {
            TLanes z = TLanes.Load(ref _gate, i);
            (z * Sigmoid(z) * TLanes.Load(ref _up, i)).Store(ref _y, i);
        }
    }

    private readonly ref struct BackwardKernel(Span<float> gate, Span<float> up, Span<float> dy, Span<float> dGate, bool addGate, Span<float> dUp, bool addUp) : IElementwise
    {
        private readonly ref float _gate = ref Elementwise.Start(gate, gate.Length);
        private readonly ref float _up = ref Elementwise.Start(up, gate.Length);
        private readonly ref float _dy = ref Elementwise.Start(dy, gate.Length);
        private readonly ref float _dGate = ref Elementwise.Start(dGate, gate.Length);
        private readonly ref float _dUp = ref Elementwise.Start(dUp, gate.Length);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes>(int i) where TLanes : struct, ILanes<TLanes>
        {
            TLanes one = TLanes.Broadcast(1);
            TLanes z = TLanes.Load(ref _gate, i), dy = TLanes.Load(ref _dy, i), s = Sigmoid(z);
            TLanes dUp = dy * (z * s), dGate = dy * TLanes.Load(ref _up, i) * (s * TLanes.Fma(z, one - s, one));
            if (addUp) dUp = TLanes.Load(ref _dUp, i) + dUp;
            if (addGate) dGate = TLanes.Load(ref _dGate, i) + dGate;
            dUp.Store(ref _dUp, i);
            dGate.Store(ref _dGate, i);
        }
    }
}
