using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

/// <summary>A mixture under test: x, the filters A_0, B_0, A_1, B_1, ... and perhaps a gate, as parameters in that order.</summary>
internal sealed record MixtureCase(KroneckerShape[] Shapes, int Tokens, bool Gated, ulong Seed, float Scale = 1, float Temperature = 1)
{
    /// <summary>Fresh parameters with standard normal numbers.</summary>
    public Parameter[] Inputs() =>
    [
        Draw.Parameter(Seed, new Shape(Tokens, Shapes[0].In)),
        .. Shapes.SelectMany((s, i) => (Parameter[])
            [Draw.Parameter(Seed + 10 + (ulong)i, new Shape(s.RowsA, s.ColumnsA)), Draw.Parameter(Seed + 50 + (ulong)i, new Shape(s.RowsB, s.ColumnsB))]),
        .. Gated ? [Draw.Parameter(Seed + 1, new Shape(Shapes.Length))] : Array.Empty<Parameter>(),
    ];

    /// <summary>The float op.</summary>
    public Tensor Apply(Tape tape, Parameter[] inputs) =>
        Op.KroneckerMixture(tape, inputs[0], Filters(inputs), Gated ? inputs[^1] : null, Scale, Temperature);

    /// <summary>The dense formula in double.</summary>
    public Matrix<double> Dense(Matrix<double>[] inputs) => Textbook.Mixture(
        inputs[0], [.. Shapes.Select((_, i) => (inputs[1 + 2 * i], inputs[2 + 2 * i]))], Gated ? inputs[^1] : null, Scale, Temperature);

    /// <summary>The parameters as the op takes them.</summary>
    public KroneckerFilter[] Filters(Parameter[] inputs) => [.. Shapes.Select((_, i) => new KroneckerFilter(inputs[1 + 2 * i], inputs[2 + 2 * i]))];

    /// <summary>The output for these inputs, without a way back.</summary>
    public float[] Output(Parameter[] inputs)
    {
        using Tape tape = new(Cpus.Widest, gradients: false);
        return Apply(tape, inputs).Data.ToArray();
    }
}
