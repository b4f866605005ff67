using MoKA.Native.Autograd;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

/// <summary>An op under test as a function of its inputs.</summary>
internal delegate Tensor OpUnderTest(Tape tape, Parameter[] inputs);

/// <summary>The same mathematics in double.</summary>
internal delegate Matrix<double> OpReference(Matrix<double>[] inputs);

/// <summary>
/// What every op owes its users: the value and the gradient of its formula, gradients that add to what is there, none
/// for inputs that ask for none, and the same bits on every instruction set and number of threads.
/// <para>
/// An output may be a small sum of large terms of both signs, and then rounding leaves an error that is large beside the
/// output and small beside the terms. So errors of outputs are judged beside the largest sum over the inputs of
/// |x_i dy/dx_i|: for a product of matrices that is the sum of |a||b|, the measure of the usual bound on the error of an
/// inner product (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). Errors of gradients are judged
/// beside the largest sum over the outputs of |w_o dy_o/dx|, for weights w of the outputs.
/// </para>
/// </summary>
internal static class OpContract
{
    private const double Tolerance = 1e-5;

    /// <summary>Holds the op to the contract at one point; <paramref name="inputs"/> are trainable parameters.</summary>
    public static void Check(OpUnderTest op, OpReference reference, params Parameter[] inputs) => Check(0, 0, op, reference, inputs);

    /// <summary>
    /// The same for an op whose output is the difference of larger numbers that its slopes do not show, and whose slopes are such
    /// differences too, a loss of logits: <paramref name="terms"/> and <paramref name="termsOfSlopes"/> are how large they are, and
    /// what rounding leaves of the differences is judged beside them.
    /// </summary>
    public static void Check(double terms, double termsOfSlopes, OpUnderTest op, OpReference reference, params Parameter[] inputs)
    {
        Result result = Run(Cpus.Widest, op, inputs);
        Matrix<double> expected = reference([.. inputs.Select(Draw.Exact)]);
        Slopes slopes = CentralDifferences(reference, inputs, result.Weights);
        Close("the output", expected.Data, result.Output, Math.Max(terms, slopes.TermsOfOutputs));
        double termsOfGradients = Math.Max(termsOfSlopes * result.Weights.Select(Math.Abs).DefaultIfEmpty().Max(), slopes.TermsOfGradients);
        for (int i = 0; i < inputs.Length; i++) Close($"the gradient of input {i}", slopes.OfInputs[i], result.Gradients[i]!, termsOfGradients);
        Accumulates(op, inputs, result, termsOfGradients);
        SkipsInputsWithoutGradient(op, inputs, result);
        foreach (Cpu cpu in Cpus.All) SameBits(result, Run(cpu, op, inputs), $"{cpu.InstructionSet} with {cpu.Threads} threads");
    }

    /// <summary>Largest difference against the largest number: <paramref name="scale"/> or that of the expected ones.</summary>
    public static void Close(string what, double[] expected, ReadOnlySpan<float> actual, double scale = 0, double tolerance = Tolerance)
    {
        Assert.True(expected.Length == actual.Length, $"{what} has {actual.Length} numbers, the formula gives {expected.Length}");
        double bound = tolerance * Math.Max(scale, expected.Select(Math.Abs).DefaultIfEmpty().Max()) + 1e-30;
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= bound, $"{what}: element {i} is {actual[i]}, the formula gives {expected[i]} (allowed ± {bound})");
    }

    private static void Accumulates(OpUnderTest op, Parameter[] inputs, Result result, double terms)
    {
        float[][] before = [.. inputs.Select((input, i) => Draw.Normal(900 + (ulong)i, input.Shape.Count))];
        Result sum = Run(Cpus.Widest, op, inputs, before);
        for (int i = 0; i < inputs.Length; i++)
            Close($"the gradient of input {i} on top of another", [.. before[i].Zip(result.Gradients[i]!, (a, b) => (double)a + b)], sum.Gradients[i]!, terms);
    }

    private static void SkipsInputsWithoutGradient(OpUnderTest op, Parameter[] inputs, Result all)
    {
        for (int frozen = 0; frozen < 1 << inputs.Length; frozen++)
        {
            Parameter[] copies = [.. inputs.Select((input, i) => Draw.Parameter(input.Shape, input.Data))];
            for (int i = 0; i < copies.Length; i++) copies[i].Trainable = (frozen >> i & 1) == 0;
            Result some = Run(Cpus.Widest, op, copies);
            for (int i = 0; i < copies.Length; i++)
            {
                if (copies[i].Trainable) Bits.Equal(all.Gradients[i], some.Gradients[i], $"the gradient of input {i} when only some inputs need one");
                else Assert.True(some.Gradients[i] is null, $"input {i} asks for no gradient but gets one");
            }
        }
    }

    /// <summary>One pass forward and back on fresh gradients, or on top of the given ones.</summary>
    private static Result Run(Cpu cpu, OpUnderTest op, Parameter[] inputs, float[][]? before = null)
    {
        using Tape tape = new(cpu);
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i].ClearGradient();
            before?[i].CopyTo(inputs[i].Gradient);
        }
        Tensor y = op(tape, inputs);
        Assert.Equal(inputs.Any(input => input.Trainable), y.RequiresGradient);
        float[] weights = Draw.Normal(77, y.Shape.Count);
        tape.Backward(WeightedSum.Of(tape, y, weights));
        return new Result(y.Data.ToArray(), [.. inputs.Select(input => input.HasGradient || input.Trainable ? input.Gradient.ToArray() : null)], weights);
    }

    private static void SameBits(Result expected, Result actual, string where)
    {
        Bits.Equal(expected.Output, actual.Output, $"the output on {where}");
        for (int i = 0; i < expected.Gradients.Length; i++) Bits.Equal(expected.Gradients[i], actual.Gradients[i], $"the gradient of input {i} on {where}");
    }

    private static Slopes CentralDifferences(OpReference reference, Parameter[] inputs, float[] weights)
    {
        const double step = 1e-5;
        Matrix<double>[] point = [.. inputs.Select(Draw.Exact)];
        double[][] slopes = [.. point.Select(matrix => new double[matrix.Data.Length])];
        double[] termsOfOutputs = new double[weights.Length];
        double termsOfGradients = 0;
        for (int i = 0; i < point.Length; i++)
            for (int j = 0; j < slopes[i].Length; j++)
            {
                double middle = point[i].Data[j], terms = 0;
                point[i].Data[j] = middle + step;
                double[] above = [.. reference(point).Data];
                point[i].Data[j] = middle - step;
                double[] below = [.. reference(point).Data];
                point[i].Data[j] = middle;
                for (int o = 0; o < weights.Length; o++)
                {
                    double slope = (above[o] - below[o]) / (2 * step);
                    slopes[i][j] += weights[o] * slope;
                    terms += Math.Abs(weights[o] * slope);
                    termsOfOutputs[o] += Math.Abs(middle * slope);
                }
                termsOfGradients = Math.Max(termsOfGradients, terms);
            }
        return new Slopes(slopes, termsOfOutputs.DefaultIfEmpty().Max(), termsOfGradients);
    }

    private sealed record Slopes(double[][] OfInputs, double TermsOfOutputs, double TermsOfGradients);

    private sealed record Result(float[] Output, float[]?[] Gradients, float[] Weights);
}
