using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;
using MoKA.Native.Memory;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>
    /// A gated mixture of Kronecker products with an identity: y_t = c Σ_i α_i F_i x_t with F_i = I_k ⊗ M_i or M_i ⊗ I_k,
    /// α = softmax(g / τ), or α_i = 1 without a gate. With M̃ = c α M and its gradient dM̃ (Σ G_t X_tᵀ over pieces):
    /// dM = c α dM̃, dα = c ⟨dM̃, M⟩, dg_j = (α_j / τ) (dα_j - Σ_k α_k dα_k), dx = F̃ᵀ dy.
    /// </summary>
    /// <remarks>The filters are read again on the way back, so they must not change in between.</remarks>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="x">[tokens, in].</param>
    /// <param name="filters">At least one, all from in to out.</param>
    /// <param name="gate">The logits g [filters], or null for a plain sum.</param>
    /// <param name="scale">c.</param>
    /// <param name="temperature">τ &gt; 0.</param>
    /// <param name="addTo">[tokens, out]: the mixture is added to this tensor in place and it is the result. No op may have kept its earlier value for the way back.</param>
    /// <returns>[tokens, out].</returns>
    public static Tensor IdentityMixture(Tape tape, Tensor x, ReadOnlyMemory<IdentityFilter> filters, Tensor? gate, float scale = 1, float temperature = 1, Tensor? addTo = null)
    {
        int outputs = CheckIdentities(x, filters.Span, gate, temperature);
        if (addTo is not null) Check.Shape("IdentityMixture", "addTo", addTo, x.Shape.WithColumns(outputs), "x and the filters", x.Shape);
        Tensor weights = tape.Allocate(new Shape(filters.Length), "mixture weights");
        MixtureGate.Weights(gate, temperature, weights.Data, tape.Cpu.InstructionSet);
        Tensor y = addTo ?? tape.Allocate(x.Shape.WithColumns(outputs), "mixture");
        IdentityMixtureNode node = new(x, filters, gate, weights, scale, temperature);
        bool add = addTo is not null;
        for (int i = 0; i < filters.Length; i++, add = true) node.Forward(tape, i, y, add);
        if (node.NeedsRecording(tape)) tape.Record(y, node);
        return y;
    }

    private static int CheckIdentities(Tensor x, ReadOnlySpan<IdentityFilter> filters, Tensor? gate, float temperature)
    {
        Check.Matrix("IdentityMixture", "x", x);
        if (filters.Length == 0) throw new ArgumentException("IdentityMixture: there must be at least one filter.");
        foreach (IdentityFilter filter in filters)
        {
            Check.Matrix("IdentityMixture", "M", filter.Matrix);
            if (filter.Repeats < 1 || filter.In != x.Shape[1] || filter.Out != filters[0].Out)
                throw new ArgumentException($"IdentityMixture: every filter must map {x.Shape[1]} inputs of x to {filters[0].Out} outputs, got {filter.Matrix} with an identity of {filter.Repeats}.");
        }
        MixtureGate.Require("IdentityMixture", filters.Length, gate, temperature);
        return filters[0].Out;
    }
}

file readonly record struct IdentityMixtureNode(Tensor X, ReadOnlyMemory<IdentityFilter> Filters, Tensor? Gate, Tensor Weights, float Scale, float Temperature) : INode
{
    public bool NeedsRecording(Tape tape)
    {
        bool needed = tape.Records(X) || (Gate is not null && tape.Records(Gate));
        foreach (IdentityFilter filter in Filters.Span) needed |= tape.Records(filter.Matrix);
        return needed;
    }

    public void Forward(Tape tape, int i, Tensor y, bool add)
    {
        IdentityFilter filter = Filters.Span[i];
        using Workspace room = new(tape.Arena, filter.Matrix.Shape.Count);
        MatrixSpan m = Weighted(i, room.Data);
        if (filter.IdentityFirst) IdentityKernel.ForwardFirst(tape.Cpu, m, filter.Repeats, X.Matrix, y.Matrix, add);
        else IdentityKernel.ForwardSecond(tape.Cpu, m, filter.Repeats, X.Matrix, y.Matrix, add);
    }

    public void Backward(Tape tape, Tensor y)
    {
        using Workspace weightGradients = new(tape.Arena, Weights.Shape.Count);
        Span<float> dAlpha = weightGradients.Data;
        for (int i = 0; i < Filters.Length; i++) dAlpha[i] = BackwardOf(tape, i, y);
        MixtureGate.Backward(Gate, Temperature, Weights.Data, dAlpha);
    }

    /// <summary>The gradients of a filter and of x; returns that of the filter's weight.</summary>
    private float BackwardOf(Tape tape, int i, Tensor y)
    {
        IdentityFilter filter = Filters.Span[i];
        int length = filter.Matrix.Shape.Count, blocks = filter.IdentityFirst ? 0 : IdentityKernel.Blocks(X.Shape.Rows);
        using Workspace room = new(tape.Arena, length), gradient = new(tape.Arena, length), partials = new(tape.Arena, blocks * length);
        MatrixSpan m = Weighted(i, room.Data), dx = X.RequiresGradient ? X.GradientMatrix : default;
        MatrixSpan dm = new(gradient.Data, m.Rows, m.Columns);
        if (filter.IdentityFirst) IdentityKernel.BackwardFirst(tape.Cpu, m, filter.Repeats, X.Matrix, y.GradientMatrix, dx, dm);
        else IdentityKernel.BackwardSecond(tape.Cpu, m, filter.Repeats, X.Matrix, y.GradientMatrix, dx, new MatrixSpan(partials.Data, blocks, length), gradient.Data);
        double inner = 0;
        Span<float> values = filter.Matrix.Data, gradients = gradient.Data;
        for (int j = 0; j < length; j++) inner += (double)gradients[j] * values[j];
        if (filter.Matrix.RequiresGradient)
        {
            float factor = Scale * Weights.Data[i];
            Span<float> sum = filter.Matrix.Gradient;
            for (int j = 0; j < length; j++) sum[j] += factor * gradients[j];
        }
        return (float)(Scale * inner);
    }

    /// <summary>M̃ = c α M.</summary>
    private MatrixSpan Weighted(int i, Span<float> room)
    {
        Tensor matrix = Filters.Span[i].Matrix;
        float factor = Scale * Weights.Data[i];
        Span<float> from = matrix.Data;
        for (int j = 0; j < from.Length; j++) room[j] = factor * from[j];
        return new MatrixSpan(room, matrix.Shape[0], matrix.Shape[1]);
    }
}
