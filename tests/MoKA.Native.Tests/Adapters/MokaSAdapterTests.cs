using MoKA.Native.Adapters;
using MoKA.Native.Diagnostics;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Adapters;

/// <summary>Mixtures with an identity keep the contract; filters that add nothing are refused, or merged when asked.</summary>
public sealed class MokaSAdapterTests : AdapterContract<MokaSAdapterTests.Subject>
{
    [Theory]
    [InlineData("two filters of it sum to one", "I4:8x16", "I4:8x16")]
    [InlineData("I4:8x16 already spans", "I4:8x16", "I8:4x8")]
    [InlineData("16x32:I2 already spans", "1x2:I32", "I4:8x16", "16x32:I2")]
    public void Filters_that_add_nothing_are_refused_with_the_reason(string reason, params string[] shapes)
    {
        MokaSOptions options = Shapes(shapes);
        string message = Assert.Throws<MokaException>(() => new MokaSAdapter(AdapterCase.Outputs, AdapterCase.Inputs, options)).Message;
        Assert.Contains(reason, message);
        int kept = new MokaSAdapter(AdapterCase.Outputs, AdapterCase.Inputs, options with { MergeSpanned = true }).Shapes.Count;
        Assert.Equal(shapes.Length - 1, kept);
    }

    [Fact]
    public void Filters_that_do_not_contain_each_other_stay() =>
        Assert.Equal(3, new MokaSAdapter(36, 36, Shapes("I4:9x9", "I6:6x6", "9x9:I4")).Shapes.Count);

    [Fact]
    public void A_spanned_filter_is_one_of_the_other()
    {
        // I_8 ⊗ M' = I_4 ⊗ (I_2 ⊗ M').
        using Parameter m = Draw.Parameter(1, new Shape(4, 8));
        Matrix<double> small = Draw.Exact(m), two = Textbook.Kronecker(Identity(2), small);
        Assert.Equal(Textbook.Kronecker(Identity(8), small).Data, Textbook.Kronecker(Identity(4), two).Data);
    }

    [Theory]
    [InlineData("I8:16x32", 16, 32, 8, true)]
    [InlineData("16x32:I8", 16, 32, 8, false)]
    public void Shapes_are_read_as_they_are_written(string text, int rows, int columns, int repeats, bool first)
    {
        Assert.Equal(new IdentityShape(rows, columns, repeats, first), IdentityShape.Parse(text));
        Assert.Equal(text, IdentityShape.Parse(text).ToString());
        foreach (string wrong in new[] { "", "I8", "I8:16", "16x32:8", "I0:1x1", "I8:I8", "Ix:1x1", "I8:1x1:1x1" }) ErrorLine.Of(() => IdentityShape.Parse(wrong), "I8:16x32");
    }

    [Fact]
    public void A_shape_of_another_map_is_named() => ErrorLine.Of(() => new MokaSAdapter(32, 64, Shapes("I4:8x8")), "I4:8x8", "64 inputs");

    private static Matrix<double> Identity(int k) => Textbook.Build<double>(k, k, (i, j) => i == j ? 1 : 0);

    private static MokaSOptions Shapes(params string[] shapes) => new() { Shapes = [.. shapes.Select(IdentityShape.Parse)] };

    /// <summary>The configurations and the definition.</summary>
    public sealed class Subject : IAdapterSubject
    {
        public static IReadOnlyDictionary<string, AdapterCase> Cases { get; } = new Dictionary<string, AdapterCase>
        {
            // Of [32, 64] with k = 16: M [2, 4], once on each side.
            ["usual"] = Case(new MokaSOptions { Scale = 3 }, 2 * 8 + 2),
            ["ungated"] = Case(new MokaSOptions { Scale = 3, Gated = false }, 2 * 8),
            ["block-diagonal"] = Case(Shapes("I4:8x16"), 128 + 1),
            ["cold, both sides"] = Case(Shapes("I4:8x16", "16x32:I2", "I32:1x2") with { Temperature = 0.5f, MergeSpanned = true }, 128 + 512 + 2),
            ["dropout"] = Case(Shapes("I2:16x32", "8x16:I4") with { Dropout = 0.25f }, 512 + 128 + 2),
        };

        public static float Dropout(Adapter adapter) => ((MokaSAdapter)adapter).Options.Dropout;

        static Matrix<double> IAdapterSubject.Output(Adapter adapter, ExactNumbers numbers, Matrix<double> weight, Matrix<double> x, Matrix<double> dropped)
        {
            MokaSAdapter mokaS = (MokaSAdapter)adapter;
            double[] logits = mokaS.Gate is null ? new double[mokaS.Filters.Count] : numbers.Of(mokaS.Gate).Data;
            double[] alpha = Textbook.Softmax([.. logits.Select(g => g / mokaS.Options.Temperature)]);
            Matrix<double> delta = Textbook.MixtureMatrix<double>([.. mokaS.Filters.Select(f =>
            {
                Matrix<double> m = numbers.Of((Parameter)f.Matrix), identity = Identity(f.Repeats);
                return f.IdentityFirst ? (identity, m) : (m, identity);
            })], alpha, mokaS.Options.Scale);
            return AdaptedReference.Additive(weight, delta, x, dropped);
        }

        private static AdapterCase Case(MokaSOptions options, long parameters) =>
            new(frozen => new MokaSAdapter(frozen.Out, frozen.In, options), parameters) { FitsAnyMap = options.Shapes.Count == 0 };
    }
}
