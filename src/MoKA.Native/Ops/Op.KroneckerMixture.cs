using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;
using MoKA.Native.Memory;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>
    /// A gated mixture of Kronecker products of any shapes (MoKA, arXiv 2508.03527):
    /// y_t = c Σ_i α_i (A_i ⊗ B_i) x_t with α = softmax(g / τ), or α_i = 1 without a gate.
    /// With G_t = dL/dy_t read as [RowsA, RowsB] and X_t as [ColumnsA, ColumnsB]:
    /// dA_i = c α_i Σ_t G_t B_i X_tᵀ, dB_i = c α_i Σ_t G_tᵀ A_i X_t, dα_i = c Σ_t ⟨G_t, A_i X_t B_iᵀ⟩ = ⟨A_i, dA_i⟩ / α_i,
    /// dg_j = (α_j / τ) (dα_j - Σ_k α_k dα_k), dX_t = c Σ_i α_i A_iᵀ G_t B_i.
    /// </summary>
    /// <remarks>
    /// Filters of one shape share one pair of products, with c α_i folded into their A; each shape uses the cheaper order.
    /// The filters are read again on the way back, so they must not change in between.
    /// </remarks>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="x">[tokens, in].</param>
    /// <param name="filters">At least one; every pair of shapes multiplies to [out, in].</param>
    /// <param name="gate">The logits g [filters], or null for a plain sum.</param>
    /// <param name="scale">c.</param>
    /// <param name="temperature">τ &gt; 0.</param>
    /// <param name="addTo">
    /// [tokens, out]: the mixture is added to this tensor in place and it is the result, so that a linear map and its
    /// adapter share one output and one gradient. No op may have kept its earlier value for the way back.
    /// </param>
    /// <returns>[tokens, out].</returns>
    public static Tensor KroneckerMixture(Tape tape, Tensor x, ReadOnlyMemory<KroneckerFilter> filters, Tensor? gate, float scale = 1, float temperature = 1, Tensor? addTo = null)
    {
        int outputs = CheckMixture(x, filters.Span, gate, temperature);
        if (addTo is not null) Check.Shape("KroneckerMixture", "addTo", addTo, x.Shape.WithColumns(outputs), "x and the filters", x.Shape);
        Tensor weights = tape.Allocate(new Shape(filters.Length), "mixture weights");
        MixtureGate.Weights(gate, temperature, weights.Data, tape.Cpu.InstructionSet);
        Tensor y = addTo ?? tape.Allocate(x.Shape.WithColumns(outputs), "mixture");
        bool add = addTo is not null;
        KroneckerMixtureNode node = new(x, filters, gate, weights, scale, temperature);
        for (int i = 0; i < filters.Length; i++)
        {
            if (!node.FirstOfShape(i)) continue;
            using Workspace room = new(tape.Arena, node.StackLength(i));
            KroneckerKernel.Forward(tape.Cpu, node.Stack(i, room.Data), x.Matrix, y.Matrix, add);
            add = true;
        }
        if (node.NeedsRecording(tape)) tape.Record(y, node);
        return y;
    }

    private static int CheckMixture(Tensor x, ReadOnlySpan<KroneckerFilter> filters, Tensor? gate, float temperature)
    {
        Check.Matrix("KroneckerMixture", "x", x);
        if (filters.Length == 0) throw new ArgumentException("KroneckerMixture: there must be at least one filter.");
        int outputs = filters[0].Shape.Out;
        foreach (KroneckerFilter filter in filters)
        {
            Check.Matrix("KroneckerMixture", "A", filter.A);
            Check.Matrix("KroneckerMixture", "B", filter.B);
            if (filter.Shape.In != x.Shape[1] || filter.Shape.Out != outputs)
                throw new ArgumentException($"KroneckerMixture: every filter must map {x.Shape[1]} inputs of x to {outputs} outputs, got {filter.Shape} with {filter.Shape.In} inputs and {filter.Shape.Out} outputs.");
        }
        MixtureGate.Require("KroneckerMixture", filters.Length, gate, temperature);
        return outputs;
    }
}

file readonly record struct KroneckerMixtureNode(Tensor X, ReadOnlyMemory<KroneckerFilter> Filters, Tensor? Gate, Tensor Weights, float Scale, float Temperature) : INode
{
    public bool NeedsRecording(Tape tape)
    {
        bool needed = tape.Records(X) || (Gate is not null && tape.Records(Gate));
        foreach (KroneckerFilter filter in Filters.Span) needed |= tape.Records(filter.A, filter.B);
        return needed;
    }

    public void Backward(Tape tape, Tensor y)
    {
        using Workspace weightGradients = new(tape.Arena, Weights.Shape.Count);
        Span<float> dAlpha = weightGradients.Data;
        for (int i = 0; i < Filters.Length; i++)
            if (FirstOfShape(i)) BackwardOfShape(tape, i, y, dAlpha);
        MixtureGate.Backward(Gate, Temperature, Weights.Data, dAlpha);
    }

    /// <summary>Whether filter i is the first of its shape: it then stands for all of them.</summary>
    public bool FirstOfShape(int i)
    {
        ReadOnlySpan<KroneckerFilter> filters = Filters.Span;
        for (int j = 0; j < i; j++)
            if (filters[j].Shape == filters[i].Shape) return false;
        return true;
    }

    /// <summary>How many numbers the filters of filter <paramref name="first"/>'s shape have together.</summary>
    public int StackLength(int first) => checked((int)(CountOfShape(first) * Filters.Span[first].Shape.Parameters));

    /// <summary>All filters of filter <paramref name="first"/>'s shape, laid together, with c α folded into A.</summary>
    public KroneckerStack Stack(int first, Span<float> room)
    {
        ReadOnlySpan<KroneckerFilter> filters = Filters.Span;
        KroneckerShape shape = filters[first].Shape;
        int count = CountOfShape(first), sizeA = count * shape.RowsA * shape.ColumnsA;
        KroneckerStack stack = new(shape, count, room[..sizeA], room[sizeA..]);
        for (int i = first, r = 0; i < filters.Length; i++)
        {
            if (filters[i].Shape != shape) continue;
            Copy(filters[i].A.Matrix, Scale * Weights.Data[i], stack.FilterA(r));
            Copy(filters[i].B.Matrix, 1, stack.FilterB(r));
            r++;
        }
        return stack;
    }

    private int CountOfShape(int first)
    {
        ReadOnlySpan<KroneckerFilter> filters = Filters.Span;
        int count = 0;
        foreach (KroneckerFilter filter in filters) count += filter.Shape == filters[first].Shape ? 1 : 0;
        return count;
    }

    private void BackwardOfShape(Tape tape, int first, Tensor y, Span<float> weightGradients)
    {
        int length = StackLength(first);
        using Workspace room = new(tape.Arena, length), gradients = new(tape.Arena, length);
        KroneckerStack stack = Stack(first, room.Data);
        int sizeA = stack.A.Rows * stack.A.Columns, blocks = KroneckerKernel.Blocks(stack, X.Shape.Rows);
        using Workspace partials = new(tape.Arena, blocks * length);
        Span<float> dStackA = gradients.Data[..sizeA], dStackB = gradients.Data[sizeA..];
        KroneckerStack dStack = new(stack.Shape, stack.Filters, dStackA, dStackB);
        MatrixSpan dx = X.RequiresGradient ? X.GradientMatrix : default;
        KroneckerKernel.Backward(tape.Cpu, stack, X.Matrix, y.GradientMatrix, dx, new MatrixSpan(partials.Data, blocks, length), gradients.Data);
        ReadOnlySpan<KroneckerFilter> filters = Filters.Span;
        for (int i = first, r = 0; i < filters.Length; i++)
        {
            if (filters[i].Shape != stack.Shape) continue;
            // Ã holds c α A, so its gradient dÃ gives dA = c α dÃ and dα = c ⟨dÃ, A⟩ at no further cost.
            MatrixSpan dA = dStack.FilterA(r), dB = dStack.FilterB(r);
            weightGradients[i] = (float)(Scale * Inner(dA, filters[i].A.Matrix));
            if (filters[i].A.RequiresGradient) AddTo(dA, Scale * Weights.Data[i], filters[i].A.GradientMatrix);
            if (filters[i].B.RequiresGradient) AddTo(dB, 1, filters[i].B.GradientMatrix);
            r++;
        }
    }

    private static void Copy(MatrixSpan from, float factor, MatrixSpan to)
    {
        for (int i = 0; i < from.Rows; i++)
            for (int j = 0; j < from.Columns; j++) to.At(i, j) = factor * from.At(i, j);
    }

    private static void AddTo(MatrixSpan from, float factor, MatrixSpan to)
    {
        for (int i = 0; i < from.Rows; i++)
            for (int j = 0; j < from.Columns; j++) to.At(i, j) += factor * from.At(i, j);
    }

    private static double Inner(MatrixSpan a, MatrixSpan b)
    {
        double sum = 0;
        for (int i = 0; i < a.Rows; i++)
            for (int j = 0; j < a.Columns; j++) sum += (double)a.At(i, j) * b.At(i, j);
        return sum;
    }
}
