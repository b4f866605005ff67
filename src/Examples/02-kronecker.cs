using MoKA.Native.Adapters;
using MoKA.Native.Autograd;
using MoKA.Native.Nn;
using MoKA.Native.Ops;

namespace MoKA.Native.Examples;

/// <summary>A frozen map, and beside it a mixture of Kronecker filters that learns: the shapes, their price, one gradient.</summary>
public static class KroneckerExample
{
    private const int Outputs = 1024, Inputs = 1024;

    public static void Run(TextWriter output)
    {
        MokaAdapter adapter = new(Outputs, Inputs, new MokaOptions { Filters = 5 }, seed: 1, stream: 0);
        output.WriteLine($"a dense update: {(long)Outputs * Inputs:N0} numbers");
        foreach (KroneckerShape shape in adapter.Shapes)
            output.WriteLine($"  filter {shape}: {shape.Parameters:N0} numbers, rank up to {shape.MaximalRank}");
        output.WriteLine($"the mixture with its gate: {adapter.ParameterCount:N0} numbers");

        using Parameter weight = new("W", new Shape(Outputs, Inputs), trainable: false), x = new("x", new Shape(2, Inputs), trainable: false);
        weight.FillNormal(0.02f, seed: 2, stream: 0);
        x.FillNormal(1, seed: 2, stream: 1);
        AdaptedLinear layer = new(new Linear(weight), adapter);

        using Cpu cpu = new();
        using Tape tape = new(cpu);
        Tensor loss = Op.CrossEntropy(tape, layer.Forward(tape, x), new[] { 3, 7 });
        tape.Backward(loss);
        output.WriteLine($"loss {loss.Data[0]:F3}; W has a gradient: {weight.HasGradient}");
        foreach (Parameter parameter in adapter.Parameters)
            output.WriteLine($"  |d{parameter.Name}| = {MathF.Sqrt(Square(parameter.Gradient)):F4}");
        output.WriteLine($"activations: {tape.PeakBytes:N0} bytes, where the dense update alone has {4L * Outputs * Inputs:N0}");
    }

    private static float Square(ReadOnlySpan<float> x)
    {
        float sum = 0;
        foreach (float value in x) sum += value * value;
        return sum;
    }
}
