using MoKA.Native.Adapters;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Adapters;

/// <summary>The definition of a mixture of Kronecker adapters: c Σ softmax(g / τ)_i A_i ⊗ B_i, dense and in double.</summary>
internal static class MokaReference
{
    public static Matrix<double> DenseDelta(MokaAdapter adapter, ExactNumbers numbers)
    {
        int filters = adapter.Filters.Count;
        double[] logits = adapter.Gate is null ? new double[filters] : numbers.Of(adapter.Gate).Data;
        double[] weights = Textbook.Softmax([.. logits.Select(g => g / adapter.Options.Temperature)]);
        return Textbook.MixtureMatrix([.. adapter.Filters.Select(f => (numbers.Of((Parameter)f.A), numbers.Of((Parameter)f.B)))], weights, adapter.Options.Scale);
    }
}
