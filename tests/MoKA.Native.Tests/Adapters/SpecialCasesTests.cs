using MoKA.Native.Adapters;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Adapters;

/// <summary>Other methods come out of a mixture's options, as Moka.md says: the same numbers in, the same output and matrix out.</summary>
public sealed class SpecialCasesTests
{
    private const int Out = 12, In = 24, Tokens = 3;

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void A_hypercomplex_layer_is_a_plain_sum_of_square_filters(int n)
    {
        // PHM has x on the left, y = x Σ S_i ⊗ W_i with W_i [in/n, out/n]; as a map of columns it has the transposes.
        MokaAdapter adapter = new(Out, In, new MokaOptions { Gated = false, Shapes = Same(new(n, n, Out / n, In / n), n), Scale = n }, seed: 1, stream: 0);
        Matrix<double>[] s = Set(adapter.Filters.Select(f => (Parameter)f.A), 1), w = Set(adapter.Filters.Select(f => (Parameter)f.B), 2);
        Check("PHM", adapter, s.Zip(w, (a, b) => Textbook.Kronecker(a.Transposed, b.Transposed)).Aggregate(Textbook.Add).Transposed);
        Assert.Equal(n * (n * n + Out * In / (n * n)), adapter.ParameterCount);
    }

    [Theory]
    [InlineData(2, 2, 3)]
    [InlineData(3, 4, 5)]
    [InlineData(1, 1, 4)]
    public void A_component_designed_adapter_is_a_plain_sum_of_one_shape(int r1, int r2, int r)
    {
        // CDKA: λ Σ B_i ⊗ A_i with B_i [out/r1, r2], A_i [r1, in/r2] and λ = α / √(r r2).
        float lambda = 16 / MathF.Sqrt(r * r2);
        MokaAdapter adapter = new(Out, In, new MokaOptions { Gated = false, Shapes = Same(new(Out / r1, r2, r1, In / r2), r), Scale = lambda * r }, seed: 1, stream: 0);
        Matrix<double>[] b = Set(adapter.Filters.Select(f => (Parameter)f.A), 3), a = Set(adapter.Filters.Select(f => (Parameter)f.B), 4);
        Matrix<double> sum = b.Zip(a, Textbook.Kronecker).Aggregate(Textbook.Add);
        Check("CDKA", adapter, Textbook.Build(Out, In, (i, j) => lambda * sum[i, j]));
        Assert.Equal(r * (Out * r2 / r1 + In * r1 / r2), adapter.ParameterCount);
    }

    [Fact]
    public void Columns_times_rows_are_LoRA()
    {
        const int rank = 3;
        LoraAdapter lora = new(Out, In, new LoraOptions { Rank = rank, Alpha = 6 }, seed: 1, stream: 0);
        Set(lora.Parameters, 5);
        MokaAdapter adapter = new(Out, In, new MokaOptions { Gated = false, Shapes = Same(new(Out, 1, 1, In), rank), Scale = lora.Options.Scale * rank }, seed: 1, stream: 0);
        for (int k = 0; k < rank; k++)
        {
            for (int i = 0; i < Out; i++) ((Parameter)adapter.Filters[k].A).Data[i] = lora.B.Data[i * rank + k];
            lora.A.Data.Slice(k * In, In).CopyTo(((Parameter)adapter.Filters[k].B).Data);
        }
        Check("LoRA", adapter, Matrix(lora));
        Assert.Equal(lora.ParameterCount, adapter.ParameterCount);
    }

    [Fact]
    public void One_filter_is_KronA_and_LoKr_with_whole_factors()
    {
        KronaAdapter krona = new(Out, In, new KronaOptions { Scale = 2 }, seed: 1, stream: 0);
        Set(krona.Parameters, 6);
        MokaAdapter adapter = new(Out, In, new MokaOptions { Filters = 1, Scale = 2 }, seed: 1, stream: 0);
        Copy(krona.Parameters, adapter);
        Check("KronA", adapter, Matrix(krona));

        LokrAdapter lokr = new(Out, In, new LokrOptions { Rank = 8, Alpha = 16 }, seed: 1, stream: 0);
        Assert.False(lokr.Inner.IsDecomposed);
        Set(lokr.Parameters, 7);
        adapter = new(Out, In, new MokaOptions { Shapes = [lokr.Shape], Scale = lokr.Options.Scale }, seed: 1, stream: 0);
        Copy(lokr.Parameters, adapter);
        Check("LoKr", adapter, Matrix(lokr));
    }

    [Fact]
    public void Filters_with_one_identity_collapse_and_nest()
    {
        // α_1 (I_6 ⊗ M_1) + α_2 (I_6 ⊗ M_2) = I_6 ⊗ (α_1 M_1 + α_2 M_2), and I_6 ⊗ M = I_3 ⊗ (I_2 ⊗ M).
        Matrix<double> m1 = Textbook.Build(2, 4, (i, j) => 1.0 + i - 3 * j), m2 = Textbook.Build(2, 4, (i, j) => 2.0 * i + j), sum = Textbook.Build(2, 4, (i, j) => 0.3 * m1[i, j] + 0.7 * m2[i, j]);
        Matrix<double> apart = Textbook.Add(Textbook.Kronecker(Identity(6), Textbook.Build(2, 4, (i, j) => 0.3 * m1[i, j])), Textbook.Kronecker(Identity(6), Textbook.Build(2, 4, (i, j) => 0.7 * m2[i, j])));
        Assert.Equal(Textbook.Kronecker(Identity(6), sum).Data, apart.Data);
        MokaSAdapter wide = new(Out, In, new MokaSOptions { Shapes = [new(2, 4, 6, IdentityFirst: true)] }), narrow = new(Out, In, new MokaSOptions { Shapes = [new(4, 8, 3, IdentityFirst: true)] });
        Matrix<double> nested = Textbook.Kronecker(Identity(2), m1);
        for (int i = 0; i < m1.Data.Length; i++) wide.Parameters[0].Data[i] = (float)m1.Data[i];
        for (int i = 0; i < nested.Data.Length; i++) narrow.Parameters[0].Data[i] = (float)nested.Data[i];
        Assert.Equal(Matrix(wide).Data, Matrix(narrow).Data);
    }

    private static KroneckerShape[] Same(KroneckerShape shape, int filters) => [.. Enumerable.Repeat(shape, filters)];

    private static Matrix<double> Identity(int size) => Textbook.Build(size, size, (i, j) => i == j ? 1.0 : 0);

    /// <summary>Numbers away from where training starts, and the same in double.</summary>
    private static Matrix<double>[] Set(IEnumerable<Parameter> parameters, ulong seed) =>
    [
        .. parameters.Select((p, i) =>
        {
            p.FillNormal(1, seed, (ulong)i);
            return Draw.Exact(p);
        }),
    ];

    private static void Copy(IReadOnlyList<Parameter> factors, MokaAdapter adapter)
    {
        factors[0].Data.CopyTo(((Parameter)adapter.Filters[0].A).Data);
        factors[1].Data.CopyTo(((Parameter)adapter.Filters[0].B).Data);
    }

    private static Matrix<double> Matrix(Adapter adapter)
    {
        float[] update = new float[adapter.Out * adapter.In];
        adapter.Merge(update);
        return Textbook.Build(adapter.Out, adapter.In, (i, j) => (double)update[i * adapter.In + j]);
    }

    /// <summary>The update as a matrix, and what it does to rows.</summary>
    private static void Check(string method, MokaAdapter adapter, Matrix<double> expected)
    {
        OpContract.Close(method, expected.Data, [.. Matrix(adapter).Data.Select(v => (float)v)]);
        using Tape tape = new(Cpus.Widest, gradients: false);
        using Parameter x = Draw.Parameter(9, new Shape(Tokens, In)), zero = new("zero", new Shape(Out, In), trainable: false);
        Tensor y = adapter.AddDelta(tape, x, Op.MatMul(tape, x, zero, transposeB: true));
        OpContract.Close(method, Textbook.MatMul(Draw.Exact(x), expected.Transposed).Data, y.Data.ToArray());
    }
}
