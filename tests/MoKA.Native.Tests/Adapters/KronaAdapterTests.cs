using MoKA.Native.Adapters;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Adapters;

/// <summary>A single Kronecker product keeps the contract.</summary>
public sealed class KronaAdapterTests : AdapterContract<KronaAdapterTests.Subject>
{
    /// <summary>The configurations and the definition.</summary>
    public sealed class Subject : IAdapterSubject
    {
        public static IReadOnlyDictionary<string, AdapterCase> Cases { get; } = new Dictionary<string, AdapterCase>
        {
            ["balanced"] = Case(new KronaOptions(), 96),
            ["scaled"] = Case(new KronaOptions { Scale = 2 }, 96),
            ["shaped"] = Case(new KronaOptions { Shape = KroneckerShape.Parse("2x2:16x32") }, 516),
            ["dropout"] = Case(new KronaOptions { Dropout = 0.25f }, 96),
        };

        public static float Dropout(Adapter adapter) => ((KronaAdapter)adapter).Options.Dropout;

        static Matrix<double> IAdapterSubject.Output(Adapter adapter, ExactNumbers numbers, Matrix<double> weight, Matrix<double> x, Matrix<double> dropped)
        {
            KronaAdapter krona = (KronaAdapter)adapter;
            return AdaptedReference.Additive(weight, Textbook.Scaled(krona.Options.Scale, Textbook.Kronecker(numbers.Of(krona.A), numbers.Of(krona.B))), x, dropped);
        }

        private static AdapterCase Case(KronaOptions options, long parameters) =>
            new(frozen => new KronaAdapter(frozen.Out, frozen.In, options, seed: 7, stream: 0), parameters) { FitsAnyMap = options.Shape is null };
    }
}
