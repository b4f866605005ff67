using MoKA.Native.Autograd;
using MoKA.Native.LinearAlgebra;
using MoKA.Native.Nn;
using MoKA.Native.Ops;

namespace MoKA.Native.Adapters;

/// <summary>
/// Weight-decomposed low-rank adaptation (Liu et al., arXiv 2402.09353): each row of W + s B A is brought to a length that
/// is trained, y = (m / n) ⊙ (W x + s B A x) with n_i = ‖(W + s B A)_i‖. As the authors propose, n counts as a constant on
/// the way back.
/// </summary>
/// <remarks>
/// B A is never built. With w_i = ‖W_i‖² known and A Wᵀ asked of the frozen map, which costs r more tokens,
/// n_i² = w_i + 2 s B_i · (W Aᵀ)_i + s² B_i (A Aᵀ) B_iᵀ. m starts at the lengths of W's rows, so training starts at the
/// frozen map to the bit. Dropout acts on what A sees alone.
/// </remarks>
public sealed class DoraAdapter : Adapter
{
    private readonly LoraAdapter _lowRank;
    private readonly Parameter[] _parameters;
    private readonly Parameter _lengths;
    private double[]? _rowSquares;
    private float[] _lengthsOfA = [], _lengthsOfB = [];

    /// <summary>A new adapter for a frozen map, whose weight is read once for the lengths of its rows.</summary>
    /// <param name="frozen">The map.</param>
    /// <param name="options">Rank, scale, dropout.</param>
    /// <param name="seed">What A is drawn from.</param>
    /// <param name="stream">Different for every adapter of a model: its place in the list.</param>
    public DoraAdapter(ILinear frozen, LoraOptions options, ulong seed, ulong stream) : this(new LoraAdapter(frozen.Out, frozen.In, options, seed, stream))
    {
        _rowSquares = RowSquares(frozen);
        for (int i = 0; i < Out; i++) Magnitude.Data[i] = (float)Math.Sqrt(_rowSquares[i]);
    }

    /// <summary>One whose numbers are still to be filled in; the weight of its map is not read before it is used.</summary>
    /// <param name="outputs">The length of an output row.</param>
    /// <param name="inputs">The length of an input row.</param>
    /// <param name="options">Rank, scale, dropout.</param>
    public DoraAdapter(int outputs, int inputs, LoraOptions options) : this(new LoraAdapter(outputs, inputs, options, seed: 0, stream: 0))
    {
    }

    private DoraAdapter(LoraAdapter lowRank)
    {
        _lowRank = lowRank;
        Magnitude = new Parameter("magnitude", new Shape(Out)) { RateFactor = Options.RateRatio };
        _lengths = new Parameter("lengths", new Shape(Out), trainable: false);
        _parameters = [A, B, Magnitude];
    }

    /// <inheritdoc/>
    public override int In => _lowRank.In;

    /// <inheritdoc/>
    public override int Out => _lowRank.Out;

    /// <inheritdoc/>
    public override LoraOptions Options => _lowRank.Options;

    /// <summary>[r, in].</summary>
    public Parameter A => _lowRank.A;

    /// <summary>[out, r].</summary>
    public Parameter B => _lowRank.B;

    /// <summary>m [out].</summary>
    public Parameter Magnitude { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Parts => _lowRank.Parts;

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters => _parameters;

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ILinear frozen, Tensor x)
    {
        UpdateLengths(tape, frozen);
        return Op.Rescale(tape, _lowRank.AddDelta(tape, x, frozen.Forward(tape, x)), Magnitude, _lengths, inPlace: true);
    }

    /// <inheritdoc/>
    protected override void MergeInto(Span<float> weight)
    {
        _lowRank.Merge(weight);
        for (int i = 0; i < Out; i++)
        {
            Span<float> row = weight.Slice(i * In, In);
            double length = FrobeniusNorm.Of(row);
            float factor = length == 0 ? 0 : (float)(Magnitude.Data[i] / length);
            foreach (ref float w in row) w *= factor;
        }
    }

    /// <summary>n for the factors as they are; nothing to do while they are what they were.</summary>
    private void UpdateLengths(Tape tape, ILinear frozen)
    {
        if (A.Data.SequenceEqual(_lengthsOfA) && B.Data.SequenceEqual(_lengthsOfB)) return;
        double[] rowSquares = _rowSquares ??= RowSquares(frozen);
        int rank = Options.Rank;
        double scale = Options.Scale;
        Tensor a = Constant(tape, A), b = Constant(tape, B);
        ReadOnlySpan<float> aw = frozen.Forward(tape, a).Data; // A Wᵀ [r, out]
        ReadOnlySpan<float> bg = Op.MatMul(tape, b, Op.MatMul(tape, a, a, transposeB: true)).Data; // B (A Aᵀ) [out, r]
        ReadOnlySpan<float> factors = b.Data;
        Span<float> lengths = _lengths.Data;
        for (int i = 0; i < Out; i++)
        {
            double cross = 0, square = 0;
            for (int k = 0; k < rank; k++)
            {
                double factor = factors[i * rank + k];
                cross += factor * aw[k * Out + i];
                square += factor * bg[i * rank + k];
            }
            // Rounding may take a sum that is almost zero below it.
            lengths[i] = (float)Math.Sqrt(Math.Max(0, rowSquares[i] + scale * (2 * cross + scale * square)));
        }
        Remember(A.Data, ref _lengthsOfA);
        Remember(B.Data, ref _lengthsOfB);
    }

    private static void Remember(ReadOnlySpan<float> now, ref float[] then)
    {
        if (then.Length != now.Length) then = new float[now.Length];
        now.CopyTo(then);
    }

    /// <summary>The same numbers, without a way back.</summary>
    private static Tensor Constant(Tape tape, Parameter parameter)
    {
        Tensor copy = tape.Allocate(parameter.Shape, "constant");
        parameter.Data.CopyTo(copy.Data);
        return copy;
    }

    private static double[] RowSquares(ILinear frozen)
    {
        using Parameter weight = new("weight", new Shape(frozen.Out, frozen.In), trainable: false);
        frozen.CopyWeight(weight.Data);
        double[] squares = new double[frozen.Out];
        for (int i = 0; i < squares.Length; i++)
            foreach (float w in weight.Data.Slice(i * frozen.In, frozen.In)) squares[i] += (double)w * w;
        return squares;
    }
}
