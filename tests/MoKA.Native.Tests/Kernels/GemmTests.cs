using MoKA.Native.Kernels;

namespace MoKA.Native.Tests.Kernels;

/// <summary>
/// The product is, element by element, one chain of fused multiply-adds over k: the same bits for every size, transpose,
/// stride, instruction set and number of threads.
/// </summary>
public sealed class GemmTests
{
    private static readonly int[] Odd = [1, 3, 7, 8, 9, 31, 33];

    [Fact]
    public void OddSizesAreExactChains()
    {
        foreach (int m in Odd)
            foreach (int k in Odd)
                foreach (int n in Odd) Check(m, k, n, m % 4);
    }

    [Theory]
    [InlineData(255, 257, 33)]
    [InlineData(33, 513, 257)]
    [InlineData(1, 600, 65)]
    [InlineData(65, 600, 1)]
    [InlineData(257, 256, 31)]
    [InlineData(129, 255, 129)]
    [InlineData(400, 33, 9)]
    [InlineData(9, 33, 400)]
    // More rows, or steps of k, than are packed at a time; one and two rows shared among threads.
    [InlineData(1051, 40, 35)]
    [InlineData(40, 4100, 35)]
    [InlineData(1, 4100, 70)]
    [InlineData(2, 900, 100)]
    [InlineData(1, 37, 4101)]
    // A row, and columns that share few sets of a cache.
    [InlineData(1, 512, 107)]
    [InlineData(1, 2048, 53)]
    // A row, and columns that are read as streams.
    [InlineData(1, 400, 1603)]
    [InlineData(1, 1027, 870)]
    // Enough panels of B, with enough steps, for tasks of two; the last has one that is not full.
    [InlineData(40, 300, 790)]
    // A single panel of B: each task packs its own rows.
    [InlineData(300, 70, 7)]
    [InlineData(253, 600, 32)]
    // Thin on one side, and wide enough to be shared: read in place, or turned.
    [InlineData(16, 300, 150)]
    [InlineData(150, 300, 16)]
    [InlineData(24, 700, 79)]
    [InlineData(700, 64, 24)]
    // Few rows, read where they lie: whole and other numbers of columns and steps, and columns that share few sets of a cache.
    [InlineData(2, 130, 33)]
    [InlineData(3, 300, 300)]
    [InlineData(4, 1024, 48)]
    [InlineData(5, 2048, 17)]
    [InlineData(6, 259, 600)]
    [InlineData(7, 600, 531)]
    [InlineData(8, 1024, 48)]
    [InlineData(8, 301, 300)]
    [InlineData(11, 70, 1603)]
    [InlineData(16, 258, 900)]
    [InlineData(13, 260, 2048)]
    // Rows that share few sets of a cache, copied apart; fewer columns than a register has lanes; a single column; few steps and many columns.
    [InlineData(45, 2048, 20)]
    [InlineData(29, 1024, 8)]
    [InlineData(60, 300, 3)]
    [InlineData(300, 500, 2)]
    [InlineData(700, 300, 1)]
    [InlineData(47, 16, 700)]
    // Last columns that fill half a register tile.
    [InlineData(300, 70, 16)]
    [InlineData(300, 70, 49)]
    public void PanelsAndTasksDoNotShow(int m, int k, int n)
    {
        for (int transposes = 0; transposes < 4; transposes++) Check(m, k, n, transposes);
    }

    [Theory]
    [InlineData(0, 3, 3)]
    [InlineData(3, 0, 3)]
    [InlineData(3, 3, 0)]
    public void EmptySidesGiveZerosOrNothing(int m, int k, int n)
    {
        for (int transposes = 0; transposes < 4; transposes++) Check(m, k, n, transposes);
    }

    [Theory]
    [InlineData(5, 7, 9)]
    [InlineData(37, 300, 41)]
    [InlineData(1, 45, 77)]
    // Read where they lie: columns of one register, of two that overlap, and of several tiles; rows of every tile.
    [InlineData(16, 9, 16)]
    [InlineData(3, 30, 40)]
    [InlineData(7, 21, 35)]
    [InlineData(8, 37, 1000)]
    [InlineData(15, 38, 900)]
    [InlineData(31, 17, 24)]
    [InlineData(24, 40, 40)]
    [InlineData(45, 0, 47)]
    [InlineData(59, 33, 250)]
    public void BlocksOfLargerMatricesLeaveTheRestAlone(int m, int k, int n)
    {
        float[] a = Draw.Normal(1, (m + 3) * (k + 5)), b = Draw.Normal(2, (k + 2) * (n + 7)), c = Draw.Normal(3, (m + 4) * (n + 6));
        MatrixSpan left = new MatrixSpan(a, m + 3, k + 5).Block(1, m, 2, k), right = new MatrixSpan(b, k + 2, n + 7).Block(2, k, 3, n);
        float[] expected = [.. c];
        Chain(left, right, new MatrixSpan(expected, m + 4, n + 6).Block(3, m, 5, n), accumulate: true);
        foreach (Cpu cpu in Cpus.All)
        {
            float[] actual = [.. c];
            Gemm.Multiply(cpu, left, right, new MatrixSpan(actual, m + 4, n + 6).Block(3, m, 5, n), accumulate: true);
            Bits.Equal(expected, actual, Name(cpu));
        }
        foreach (InstructionSet set in Cpus.Sets)
        {
            // A worker's scratch memory has one user at a time, so the shared processors will not do.
            using Cpu own = new(1, set);
            float[] actual = [.. c];
            Gemm.MultiplyOnThisThread(new Worker(own, 0), left, right, new MatrixSpan(actual, m + 4, n + 6).Block(3, m, 5, n), accumulate: true);
            Bits.Equal(expected, actual, $"{set}, on this thread");
        }
    }

    [Theory]
    [InlineData(31, 17, 24)]
    [InlineData(46, 300, 48)]
    [InlineData(18, 70, 16)]
    public void OnOneThreadEveryTransposeHasTheSameBits(int m, int k, int n)
    {
        foreach (InstructionSet set in Cpus.Sets)
            for (int transposes = 0; transposes < 4; transposes++)
            {
                Operands(m, k, n, transposes, out MatrixSpan left, out MatrixSpan right);
                using Cpu own = new(1, set);
                float[] expected = Draw.Normal(3, m * n), actual = [.. expected];
                Chain(left, right, new MatrixSpan(expected, m, n), accumulate: true);
                Gemm.MultiplyOnThisThread(new Worker(own, 0), left, right, new MatrixSpan(actual, m, n), accumulate: true);
                Bits.Equal(expected, actual, $"{set}, transposes {transposes}");
            }
    }

    [Theory]
    [InlineData(515, 83)]
    [InlineData(1021, 31)]
    [InlineData(126, 64)]
    [InlineData(64, 84)]
    [InlineData(15, 32)]
    [InlineData(3, 40)]
    public void ARowTimesColumnsAPowerOfTwoApartIsExactChains(int k, int n)
    {
        const int apart = 1024;
        float[] x = Draw.Normal(1, k), b = Draw.Normal(2, n * apart), y = Draw.Normal(3, n);
        MatrixSpan columns = new MatrixSpan(b, n, apart).Transposed.RowRange(1, k);
        foreach (bool accumulate in (bool[])[false, true])
        {
            float[] expected = [.. y];
            Chain(new MatrixSpan(x, 1, k), columns, new MatrixSpan(expected, 1, n), accumulate);
            foreach (Cpu cpu in Cpus.All)
            {
                float[] actual = [.. y];
                Gemm.Multiply(cpu, new MatrixSpan(x, 1, k), columns, new MatrixSpan(actual, 1, n), accumulate);
                Bits.Equal(expected, actual, $"accumulate {accumulate}, {Name(cpu)}");
            }
        }
    }

    [Fact]
    public void RefusesShapesThatDoNotFit()
    {
        float[] numbers = new float[12];
        Assert.Throws<ArgumentException>(() => Gemm.Multiply(Cpus.Scalar, new MatrixSpan(numbers, 2, 3), new MatrixSpan(numbers, 2, 3), new MatrixSpan(numbers, 2, 3)));
        Assert.Throws<ArgumentException>(() => Gemm.Multiply(Cpus.Scalar, new MatrixSpan(numbers, 2, 3), new MatrixSpan(numbers, 3, 2), new MatrixSpan(numbers, 2, 3)));
        Assert.Throws<ArgumentException>(() => Gemm.Multiply(Cpus.Scalar, new MatrixSpan(numbers, 2, 3), new MatrixSpan(numbers, 3, 2), new MatrixSpan(numbers, 2, 2).Transposed));
    }

    private static void Check(int m, int k, int n, int transposes)
    {
        Operands(m, k, n, transposes, out MatrixSpan left, out MatrixSpan right);
        float[] c = Draw.Normal(3, m * n);
        foreach (bool accumulate in (bool[])[false, true])
        {
            float[] expected = [.. c];
            Chain(left, right, new MatrixSpan(expected, m, n), accumulate);
            foreach (Cpu cpu in Cpus.All)
            {
                float[] actual = [.. c];
                Gemm.Multiply(cpu, left, right, new MatrixSpan(actual, m, n), accumulate);
                Bits.Equal(expected, actual, $"[{m}, {k}] x [{k}, {n}], transposes {transposes}, accumulate {accumulate}, {Name(cpu)}");
            }
        }
    }

    private static void Operands(int m, int k, int n, int transposes, out MatrixSpan left, out MatrixSpan right)
    {
        float[] a = Draw.Normal(1, m * k), b = Draw.Normal(2, k * n);
        left = (transposes & 1) == 0 ? new MatrixSpan(a, m, k) : new MatrixSpan(a, k, m).Transposed;
        right = (transposes & 2) == 0 ? new MatrixSpan(b, k, n) : new MatrixSpan(b, n, k).Transposed;
    }

    private static string Name(Cpu cpu) => $"{cpu.InstructionSet} with {cpu.Threads} threads";

    /// <summary>The specification.</summary>
    internal static void Chain(MatrixSpan a, MatrixSpan b, MatrixSpan c, bool accumulate)
    {
        for (int i = 0; i < c.Rows; i++)
            for (int j = 0; j < c.Columns; j++)
            {
                float sum = accumulate ? c.At(i, j) : 0;
                for (int k = 0; k < a.Columns; k++) sum = MathF.FusedMultiplyAdd(a.At(i, k), b.At(k, j), sum);
                c.At(i, j) = sum;
            }
    }
}
