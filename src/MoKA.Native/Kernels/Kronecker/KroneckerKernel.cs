using System.Numerics.Tensors;

namespace MoKA.Native.Kernels;

/// <summary>
/// R filters of one shape applied together: y += Σ_r (A_r ⊗ B_r) x for each token, as two products, never building
/// A ⊗ B. See Kronecker.md. Tokens are cut into blocks of a fixed number, whatever the threads, so that the sums over
/// tokens in the parameters' gradients have one order.
/// </summary>
internal static class KroneckerKernel
{
    private const int TokensPerBlock = 64;

    public static int Blocks(int tokens) => (tokens + TokensPerBlock - 1) / TokensPerBlock;

    /// <summary>y [tokens, out] += Σ_r (A_r ⊗ B_r) x, x [tokens, in]; the filters as <see cref="KroneckerStack"/> lays them.</summary>
    public static void Forward(Cpu cpu, in KroneckerStack stack, MatrixSpan x, MatrixSpan y)
    {
        ForwardJob job = new(stack, x, y);
        cpu.Run(Blocks(x.Rows), ref job);
    }

    /// <summary>
    /// Adds to dx [tokens, in] unless it is empty, and sets the gradients of the two stacks. Each token block first
    /// fills its own row of <paramref name="partials"/> [blocks, |stack A| + |stack B|]; the rows are then added in order.
    /// </summary>
    public static void Backward(Cpu cpu, in KroneckerStack stack, MatrixSpan x, MatrixSpan dy, MatrixSpan dx, MatrixSpan partials, Span<float> dStackA, Span<float> dStackB)
    {
        BackwardJob job = new(stack, x, dy, dx, partials);
        cpu.Run(Blocks(x.Rows), ref job);
        dStackA.Clear();
        dStackB.Clear();
        for (int block = 0; block < partials.Rows; block++)
        {
            Span<float> row = partials.Row(block);
            TensorPrimitives.Add<float>(dStackA, row[..dStackA.Length], dStackA);
            TensorPrimitives.Add<float>(dStackB, row[dStackA.Length..], dStackB);
        }
    }

    private readonly ref struct ForwardJob(KroneckerStack stack, MatrixSpan x, MatrixSpan y) : IJob
    {
        private readonly KroneckerStack _stack = stack;
        private readonly MatrixSpan _x = x, _y = y;

        public void Run(int item, Worker worker)
        {
            int first = item * TokensPerBlock, tokens = Math.Min(TokensPerBlock, _x.Rows - first);
            Span<float> z = worker.Scratch(ScratchSlot.Intermediate, tokens * _stack.IntermediatePerToken);
            _stack.Intermediate(worker, _x.RowRange(first, tokens), z);
            MatrixSpan y = _y.RowRange(first, tokens);
            KroneckerShape s = _stack.Shape;
            if (s.AFirst)
            {
                // Z_t = Ã X_t is done; now Y = Z B̃ᵀ over all (token, row of A) at once.
                Gemm.MultiplyOnThisThread(worker, new MatrixSpan(z, tokens * s.RowsA, _stack.Filters * s.ColumnsB), _stack.B.Transposed, new MatrixSpan(y.Data, tokens * s.RowsA, s.RowsB), accumulate: true);
                return;
            }
            // Z = X B̃ᵀ is done; now Y_t = Ã Z_t for each token.
            for (int t = 0; t < tokens; t++)
                Gemm.MultiplyOnThisThread(worker, _stack.A, _stack.IntermediateOf(z, t), new MatrixSpan(y.Row(t), s.RowsA, s.RowsB), accumulate: true);
        }
    }

    private readonly ref struct BackwardJob(KroneckerStack stack, MatrixSpan x, MatrixSpan dy, MatrixSpan dx, MatrixSpan partials) : IJob
    {
        private readonly KroneckerStack _stack = stack;
        private readonly MatrixSpan _x = x, _dy = dy, _dx = dx, _partials = partials;

        public void Run(int item, Worker worker)
        {
            KroneckerShape s = _stack.Shape;
            int first = item * TokensPerBlock, tokens = Math.Min(TokensPerBlock, _x.Rows - first), filters = _stack.Filters;
            MatrixSpan x = _x.RowRange(first, tokens), dy = _dy.RowRange(first, tokens);
            bool needsInputGradient = _dx.Rows > 0;
            MatrixSpan dx = needsInputGradient ? _dx.RowRange(first, tokens) : default;
            Span<float> partial = _partials.Row(item);
            partial.Clear();
            MatrixSpan dA = new(partial, _stack.A.Rows, _stack.A.Columns);
            MatrixSpan dB = new(partial[(dA.Rows * dA.Columns)..], _stack.B.Rows, _stack.B.Columns);
            Span<float> z = worker.Scratch(ScratchSlot.Intermediate, tokens * _stack.IntermediatePerToken);
            Span<float> dz = worker.Scratch(ScratchSlot.IntermediateGradient, tokens * _stack.IntermediatePerToken);
            // Z is computed again rather than kept: it is as large as the activations of several layers.
            _stack.Intermediate(worker, x, z);
            if (s.AFirst)
            {
                // Forward was Z_t = Ã X_t, Y = Z B̃ᵀ: dZ = dY B̃, dB̃ = dYᵀ Z, dÃ = Σ dZ_t X_tᵀ, dX_t = Ãᵀ dZ_t.
                MatrixSpan flatZ = new(z, tokens * s.RowsA, filters * s.ColumnsB), flatDz = new(dz, tokens * s.RowsA, filters * s.ColumnsB);
                MatrixSpan flatDy = new(dy.Data, tokens * s.RowsA, s.RowsB);
                Gemm.MultiplyOnThisThread(worker, flatDy, _stack.B, flatDz);
                Gemm.MultiplyOnThisThread(worker, flatDy.Transposed, flatZ, dB);
                for (int t = 0; t < tokens; t++)
                {
                    MatrixSpan dzt = _stack.IntermediateOf(dz, t);
                    Gemm.MultiplyOnThisThread(worker, dzt, new MatrixSpan(x.Row(t), s.ColumnsA, s.ColumnsB).Transposed, dA, accumulate: true);
                    if (needsInputGradient) Gemm.MultiplyOnThisThread(worker, _stack.A.Transposed, dzt, new MatrixSpan(dx.Row(t), s.ColumnsA, s.ColumnsB), accumulate: true);
                }
                return;
            }
            // Forward was Z = X B̃ᵀ, Y_t = Ã Z_t: dZ_t = Ãᵀ dY_t, dÃ = Σ dY_t Z_tᵀ, dB̃ = dZᵀ X, dX = dZ B̃.
            for (int t = 0; t < tokens; t++)
            {
                MatrixSpan dyt = new(dy.Row(t), s.RowsA, s.RowsB);
                Gemm.MultiplyOnThisThread(worker, _stack.A.Transposed, dyt, _stack.IntermediateOf(dz, t));
                Gemm.MultiplyOnThisThread(worker, dyt, _stack.IntermediateOf(z, t).Transposed, dA, accumulate: true);
            }
            MatrixSpan flat = new(dz, tokens * s.ColumnsA, filters * s.RowsB);
            Gemm.MultiplyOnThisThread(worker, flat.Transposed, new MatrixSpan(x.Data, tokens * s.ColumnsA, s.ColumnsB), dB);
            if (needsInputGradient) Gemm.MultiplyOnThisThread(worker, flat, _stack.B, new MatrixSpan(dx.Data, tokens * s.ColumnsA, s.ColumnsB), accumulate: true);
        }
    }
}
