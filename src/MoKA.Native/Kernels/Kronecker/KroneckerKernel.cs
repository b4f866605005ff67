namespace MoKA.Native.Kernels;

/// <summary>
/// R filters of one shape applied together: y += Σ_r (A_r ⊗ B_r) x for each token, as two products, never building
/// A ⊗ B. See Kronecker.md. Tokens are cut into blocks of a fixed number, whatever the threads, so that the sums over
/// tokens in the parameters' gradients have one order.
/// </summary>
internal static class KroneckerKernel
{
    /// <summary>A block's intermediate numbers, and their gradients, stay in a second-level cache.</summary>
    private const int IntermediatesPerBlock = 1 << 17;

    private const int LeastTokensPerBlock = 4, MostTokensPerBlock = 64;

    /// <summary>How many blocks the tokens make; it depends on the filters alone, so that sums over blocks have one order.</summary>
    public static int Blocks(in KroneckerStack stack, int tokens) => Ceiling.OfRatio(tokens, TokensPerBlock(stack));

    private static int TokensPerBlock(in KroneckerStack stack) => Math.Clamp(IntermediatesPerBlock / stack.IntermediatePerToken, LeastTokensPerBlock, MostTokensPerBlock);

    /// <summary>
    /// y [tokens, out] = Σ_r (A_r ⊗ B_r) x, added to what is there where asked, x [tokens, in]; the filters as
    /// <see cref="KroneckerStack"/> lays them.
    /// </summary>
    public static void Forward(Cpu cpu, in KroneckerStack stack, MatrixSpan x, MatrixSpan y, bool add)
    {
        ForwardJob job = new(stack, x, y, add);
        cpu.Run(Blocks(stack, x.Rows), ref job);
    }

    /// <summary>
    /// Adds to dx [tokens, in] unless it is empty, and sets the gradients of the two stacks, A before B. Each token block first
    /// fills its own row of <paramref name="partials"/> [blocks, |stack A| + |stack B|]; the rows are then added in order.
    /// </summary>
    public static void Backward(Cpu cpu, in KroneckerStack stack, MatrixSpan x, MatrixSpan dy, MatrixSpan dx, MatrixSpan partials, Span<float> dStack)
    {
        BackwardJob job = new(stack, x, dy, dx, partials);
        cpu.Run(Blocks(stack, x.Rows), ref job);
        PartialSums.Run(cpu, partials, dStack);
    }

    private readonly ref struct ForwardJob(KroneckerStack stack, MatrixSpan x, MatrixSpan y, bool add) : IJob
    {
        private readonly KroneckerStack _stack = stack;
        private readonly MatrixSpan _x = x, _y = y;

        public void Run(int item, Worker worker)
        {
            int first = item * TokensPerBlock(_stack), tokens = Math.Min(TokensPerBlock(_stack), _x.Rows - first);
            Span<float> y = _y.RowRange(first, tokens).Data;
            KroneckerShape s = _stack.Shape;
            Span<float> z = _stack.Intermediate(worker, _x.RowRange(first, tokens).Data, tokens);
            if (s.AFirst)
            {
                // Z_t = Ã X_t is done; now Y = Z B̃ᵀ over all (token, row of A) at once.
                Gemm.MultiplyOnThisThread(worker, _stack.Flat(z, tokens), _stack.B.Transposed, new MatrixSpan(y, tokens * s.RowsA, s.RowsB), add);
                return;
            }
            // Z = X B̃ᵀ is done; now Y_t = Ã Z_t, all tokens side by side.
            KroneckerStack.MultiplyWide(worker, _stack.A, _stack.Wide(z, tokens), new TokenMajor(y, tokens, s.RowsA, s.RowsB), add);
        }
    }

    private readonly ref struct BackwardJob(KroneckerStack stack, MatrixSpan x, MatrixSpan dy, MatrixSpan dx, MatrixSpan partials) : IJob
    {
        private readonly KroneckerStack _stack = stack;
        private readonly MatrixSpan _x = x, _dy = dy, _dx = dx, _partials = partials;

        public void Run(int item, Worker worker)
        {
            int first = item * TokensPerBlock(_stack), tokens = Math.Min(TokensPerBlock(_stack), _x.Rows - first);
            Span<float> x = _x.RowRange(first, tokens).Data, dy = _dy.RowRange(first, tokens).Data;
            Span<float> dx = _dx.Rows > 0 ? _dx.RowRange(first, tokens).Data : default;
            Span<float> partial = _partials.Row(item);
            MatrixSpan dA = new(partial, _stack.A.Rows, _stack.A.Columns);
            MatrixSpan dB = new(partial[(dA.Rows * dA.Columns)..], _stack.B.Rows, _stack.B.Columns);
            // Z is computed again rather than kept: it is as large as the activations of several layers.
            Span<float> z = _stack.Intermediate(worker, x, tokens);
            Span<float> dz = worker.Scratch(ScratchSlot.IntermediateGradient, tokens * _stack.IntermediatePerToken);
            if (_stack.Shape.AFirst) AFirst(worker, tokens, x, dy, z, dz, dx, dA, dB);
            else BFirst(worker, tokens, x, dy, z, dz, dx, dA, dB);
        }

        /// <summary>Forward was Z_t = Ã X_t, Y = Z B̃ᵀ: dZ = dY B̃, dB̃ = dYᵀ Z, dÃ = Σ dZ_t X_tᵀ, dX_t = Ãᵀ dZ_t.</summary>
        private void AFirst(Worker worker, int tokens, Span<float> x, Span<float> dy, Span<float> z, Span<float> dz, Span<float> dx, MatrixSpan dA, MatrixSpan dB)
        {
            KroneckerShape s = _stack.Shape;
            MatrixSpan flatDy = new(dy, tokens * s.RowsA, s.RowsB);
            TokenMajor wideDz = _stack.Wide(dz, tokens);
            Gemm.MultiplyOnThisThread(worker, flatDy, _stack.B, _stack.Flat(dz, tokens));
            Gemm.MultiplyOnThisThread(worker, flatDy.Transposed, _stack.Flat(z, tokens), dB);
            KroneckerStack.MultiplyOverTokens(worker, wideDz, new TokenMajor(x, tokens, s.ColumnsA, s.ColumnsB), dA);
            if (!dx.IsEmpty) KroneckerStack.MultiplyWide(worker, _stack.A.Transposed, wideDz, new TokenMajor(dx, tokens, s.ColumnsA, s.ColumnsB), accumulate: true);
        }

        /// <summary>Forward was Z = X B̃ᵀ, Y_t = Ã Z_t: dZ_t = Ãᵀ dY_t, dÃ = Σ dY_t Z_tᵀ, dB̃ = dZᵀ X, dX = dZ B̃.</summary>
        private void BFirst(Worker worker, int tokens, Span<float> x, Span<float> dy, Span<float> z, Span<float> dz, Span<float> dx, MatrixSpan dA, MatrixSpan dB)
        {
            KroneckerShape s = _stack.Shape;
            TokenMajor wideDy = new(dy, tokens, s.RowsA, s.RowsB);
            MatrixSpan flatX = new(x, tokens * s.ColumnsA, s.ColumnsB);
            KroneckerStack.MultiplyOverTokens(worker, wideDy, _stack.Wide(z, tokens), dA);
            KroneckerStack.MultiplyWide(worker, _stack.A.Transposed, wideDy, _stack.Wide(dz, tokens));
            Gemm.MultiplyOnThisThread(worker, _stack.Flat(dz, tokens).Transposed, flatX, dB);
            if (!dx.IsEmpty) Gemm.MultiplyOnThisThread(worker, _stack.Flat(dz, tokens), _stack.B, new MatrixSpan(dx, tokens * s.ColumnsA, s.ColumnsB), accumulate: true);
        }
    }
}
