using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Ops;

namespace MoKA.Native.Adapters;

/// <summary>
/// Low-rank adaptation (Hu et al., arXiv 2106.09685): Δ(x) = s B A x with A [r, in], B [out, r] and s = α / r, or α / √r
/// when rank-stabilised.
/// </summary>
/// <remarks>A starts Kaiming-uniform and B at zero, so training starts at the frozen map to the bit.</remarks>
public sealed class LoraAdapter : AdditiveAdapter
{
    private readonly Parameter[] _parameters;

    /// <summary>A new adapter for a map from <paramref name="inputs"/> to <paramref name="outputs"/>.</summary>
    /// <param name="outputs">The length of an output row.</param>
    /// <param name="inputs">The length of an input row.</param>
    /// <param name="options">Rank, scale, dropout.</param>
    /// <param name="seed">What A is drawn from.</param>
    /// <param name="stream">Different for every adapter of a model: its place in the list.</param>
    public LoraAdapter(int outputs, int inputs, LoraOptions options, ulong seed, ulong stream)
    {
        options.Validate();
        (Out, In, Options) = (outputs, inputs, options);
        A = new Parameter("A", new Shape(options.Rank, inputs));
        B = new Parameter("B", new Shape(outputs, options.Rank)) { RateFactor = options.RateRatio };
        // Kaiming-uniform with slope √5: U(-1/√inputs, 1/√inputs).
        A.FillUniform(1 / MathF.Sqrt(inputs), seed, CounterRandom.Bits(seed, stream, 0));
        _parameters = [A, B];
    }

    /// <inheritdoc/>
    public override int In { get; }

    /// <inheritdoc/>
    public override int Out { get; }

    /// <inheritdoc/>
    public override LoraOptions Options { get; }

    /// <summary>[r, in].</summary>
    public Parameter A { get; }

    /// <summary>[out, r].</summary>
    public Parameter B { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Parts => [$"r {Options.Rank}"];

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters => _parameters;

    /// <inheritdoc/>
    public override Tensor AddDelta(Tape tape, Tensor x, Tensor y)
    {
        Tensor h = Op.MatMul(tape, Op.Dropout(tape, x, Options.Dropout), A, transposeB: true);
        return Op.MatMul(tape, Op.Scale(tape, h, Options.Scale), B, transposeB: true, addTo: y);
    }

    /// <inheritdoc/>
    public override AdditiveAdapter Transposed()
    {
        // (B A)ᵀ = Aᵀ Bᵀ.
        LoraAdapter transposed = new(In, Out, Options, seed: 0, stream: 0);
        Transpose(A, transposed.B);
        Transpose(B, transposed.A);
        return transposed;
    }

    /// <inheritdoc/>
    protected override void MergeInto(Span<float> weight)
    {
        ReadOnlySpan<float> a = A.Data, b = B.Data;
        for (int i = 0; i < Out; i++)
        {
            Span<float> row = weight.Slice(i * In, In);
            for (int k = 0; k < Options.Rank; k++)
            {
                float factor = Options.Scale * b[i * Options.Rank + k];
                for (int j = 0; j < In; j++) row[j] += factor * a[k * In + j];
            }
        }
    }
}
