using MoKA.Native.Adapters;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;

namespace MoKA.Native.Bench.Steps;

/// <summary>
/// The usual adapter, as a yardstick: y = W x + B A x (Hu et al., arXiv 2106.09685, with α = r), A [rank, in],
/// B [out, rank]. B does not start at zero, so that no gradient is zero.
/// </summary>
internal sealed class Lora : Adapter
{
    private readonly Parameter _a, _b;

    public Lora(int outputs, int inputs, int rank, ulong stream)
    {
        (Out, In) = (outputs, inputs);
        _a = new Parameter("A", new Shape(rank, inputs));
        _b = new Parameter("B", new Shape(outputs, rank));
        _a.FillUniform(1 / MathF.Sqrt(inputs), seed: 1, 2 * stream);
        _b.FillUniform(0.01f, seed: 1, 2 * stream + 1);
    }

    public override int In { get; }

    public override int Out { get; }

    public override IReadOnlyList<Parameter> Parameters => [_a, _b];

    public override Tensor AddDelta(Tape tape, Tensor x, Tensor y) =>
        Op.MatMul(tape, Op.MatMul(tape, x, _a, transposeB: true), _b, transposeB: true, addTo: y);

    public override void AddDenseDelta(Span<float> weight) => throw new NotSupportedException("Lora: the yardstick is never merged.");
}
