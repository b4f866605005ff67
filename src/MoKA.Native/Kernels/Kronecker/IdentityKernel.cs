namespace MoKA.Native.Kernels;

/// <summary>
/// Kronecker products one of whose factors is the identity. With M [m, n]: (I_k ⊗ M) x is one product, the k pieces of
/// every token being rows, Y = X Mᵀ for X [tokens * k, n]. (M ⊗ I_k) x is Y_t = M X_t for X_t [n, k], as in the first half
/// of a general product.
/// </summary>
internal static class IdentityKernel
{
    private const int TokensPerBlock = 64;

    /// <summary>How many parts of M's gradient the tokens make where the identity is the second factor.</summary>
    public static int Blocks(int tokens) => Ceiling.OfRatio(tokens, TokensPerBlock);

    /// <summary>y [tokens, k m] = (I_k ⊗ M) x, added to what is there where asked.</summary>
    public static void ForwardFirst(Cpu cpu, MatrixSpan m, int k, MatrixSpan x, MatrixSpan y, bool add) =>
        Gemm.Multiply(cpu, Pieces(x, k), m.Transposed, Pieces(y, k), add);

    /// <summary>dx += (I_k ⊗ Mᵀ) dy unless it is empty, and dM = Σ dYᵀ X.</summary>
    public static void BackwardFirst(Cpu cpu, MatrixSpan m, int k, MatrixSpan x, MatrixSpan dy, MatrixSpan dx, MatrixSpan dm)
    {
        Gemm.Multiply(cpu, Pieces(dy, k).Transposed, Pieces(x, k), dm);
        if (dx.Rows > 0) Gemm.Multiply(cpu, Pieces(dy, k), m, Pieces(dx, k), accumulate: true);
    }

    /// <summary>y [tokens, m k] = (M ⊗ I_k) x, added to what is there where asked.</summary>
    public static void ForwardSecond(Cpu cpu, MatrixSpan m, int k, MatrixSpan x, MatrixSpan y, bool add)
    {
        SecondJob job = new(m, k, x, y, add);
        cpu.Run(Blocks(x.Rows), ref job);
    }

    /// <summary>dx += (Mᵀ ⊗ I_k) dy unless it is empty, and dM = Σ dY_t X_tᵀ, block by block in <paramref name="partials"/> [blocks, m n].</summary>
    public static void BackwardSecond(Cpu cpu, MatrixSpan m, int k, MatrixSpan x, MatrixSpan dy, MatrixSpan dx, MatrixSpan partials, Span<float> dm)
    {
        GradientJob gradient = new(m.Rows, m.Columns, k, x, dy, partials);
        cpu.Run(Blocks(x.Rows), ref gradient);
        PartialSums.Run(cpu, partials, dm);
        if (dx.Rows == 0) return;
        SecondJob back = new(m.Transposed, k, dy, dx, add: true);
        cpu.Run(Blocks(x.Rows), ref back);
    }

    /// <summary>[tokens, k n] as [tokens * k, n].</summary>
    private static MatrixSpan Pieces(MatrixSpan tokens, int k) => new(tokens.Data, tokens.Rows * k, tokens.Columns / k);

    private readonly ref struct SecondJob(MatrixSpan m, int k, MatrixSpan x, MatrixSpan y, bool add) : IJob
    {
        private readonly MatrixSpan _m = m, _x = x, _y = y;

        public void Run(int item, Worker worker)
        {
            int first = item * TokensPerBlock, tokens = Math.Min(TokensPerBlock, _x.Rows - first);
            TokenMajor from = new(_x.RowRange(first, tokens).Data, tokens, _m.Columns, k), to = new(_y.RowRange(first, tokens).Data, tokens, _m.Rows, k);
            KroneckerStack.MultiplyWide(worker, _m, from, to, add);
        }
    }

    private readonly ref struct GradientJob(int rows, int columns, int k, MatrixSpan x, MatrixSpan dy, MatrixSpan partials) : IJob
    {
        private readonly MatrixSpan _x = x, _dy = dy, _partials = partials;

        public void Run(int item, Worker worker)
        {
            int first = item * TokensPerBlock, tokens = Math.Min(TokensPerBlock, _x.Rows - first);
            TokenMajor left = new(_dy.RowRange(first, tokens).Data, tokens, rows, k), right = new(_x.RowRange(first, tokens).Data, tokens, columns, k);
            KroneckerStack.MultiplyOverTokens(worker, left, right, new MatrixSpan(_partials.Row(item), rows, columns));
        }
    }
}
