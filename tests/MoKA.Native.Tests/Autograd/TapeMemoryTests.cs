using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Optim;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Autograd;

/// <summary>A training loop that repeats its operations puts nothing on the managed heap.</summary>
public sealed class TapeMemoryTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void ARepeatedStepAllocatesNothing(int threads)
    {
        using Cpu cpu = new(threads);
        using Tape tape = new(cpu);
        using Layer layer = new();
        using AdamW adam = new(layer.Parameters);
        Step(tape, layer, adam);
        Step(tape, layer, adam);
        // Whatever a step allocates, it allocates in each; the runtime itself may do so once, when threads first contend.
        long peak = tape.PeakBytes, least = long.MaxValue;
        for (int repeat = 0; repeat < 4; repeat++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Step(tape, layer, adam);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        Assert.Equal((0, peak), (least, tape.PeakBytes));
    }

    [Fact]
    public void TheLoopLearns()
    {
        using Tape tape = new(Cpus.Widest);
        using Layer layer = new();
        using AdamW adam = new(layer.Parameters);
        float first = Step(tape, layer, adam), last = first;
        for (int i = 0; i < 30; i++) last = Step(tape, layer, adam);
        Assert.InRange(last, 0, first / 2);
    }

    private static float Step(Tape tape, Layer layer, AdamW adam)
    {
        tape.Reset(seed: 1, training: true);
        Tensor loss = layer.Loss(tape);
        float value = loss.Data[0];
        tape.Backward(loss);
        GradientClip.ByNorm(tape.Cpu, layer.Parameters, 1);
        adam.Step(tape.Cpu, 0.02f);
        return value;
    }

    /// <summary>A small transformer layer with every op of the library.</summary>
    private sealed class Layer : IDisposable
    {
        private const int Dim = 32, Heads = 4, KeyHeads = 2, HeadDim = 8, Hidden = 48, Vocabulary = 19;
        private readonly int[] _ids = Draw.Integers(1, 70, 0, Vocabulary - 1), _labels;
        private readonly Sequences _sequences = new(new[] { 0, 3, 70 });
        private readonly RopeTable _rope = new(HeadDim, 70, 10_000);
        private readonly BlockMatrix _value = BlockMatrix.Quantize(Draw.Normal(2, KeyHeads * HeadDim * Dim), KeyHeads * HeadDim, Dim, BlockType.Q4_0);
        private readonly KroneckerFilter[] _filters;
        private readonly Parameter _table, _gain, _query, _key, _gate, _gateUp, _up, _down;

        public Layer()
        {
            _labels = [.. _ids.Skip(1), Op.IgnoredLabel];
            _table = Weight(3, new Shape(Vocabulary, Dim));
            _gain = Weight(4, new Shape(Dim));
            _query = Weight(5, new Shape(Dim, Dim));
            _key = Weight(6, new Shape(KeyHeads * HeadDim, Dim));
            _filters = [new(Weight(7, new Shape(4, 8)), Weight(8, new Shape(8, 4))), new(Weight(9, new Shape(8, 4)), Weight(10, new Shape(4, 8))), new(Weight(11, new Shape(4, 8)), Weight(12, new Shape(8, 4)))];
            _gate = Weight(13, new Shape(3));
            (_gateUp, _up, _down) = (Weight(14, new Shape(Hidden, Dim)), Weight(15, new Shape(Hidden, Dim)), Weight(16, new Shape(Dim, Hidden)));
        }

        public List<Parameter> Parameters { get; } = [];

        public Tensor Loss(Tape tape)
        {
            Tensor x = Op.Embedding(tape, _table, _ids);
            Tensor normed = Op.RmsNorm(tape, x, _gain, 1e-5f);
            Tensor q = Op.Rope(tape, Op.MatMul(tape, normed, _query, transposeB: true), _rope, _sequences);
            Tensor k = Op.Rope(tape, Op.MatMul(tape, normed, _key, transposeB: true), _rope, _sequences);
            Tensor attention = Op.Attention(tape, q, k, Op.FrozenMatMul(tape, normed, _value), Heads, KeyHeads, _sequences);
            x = Op.Add(tape, x, Op.KroneckerMixture(tape, Op.Dropout(tape, attention, 0.1f), _filters, _gate));
            Tensor hidden = Op.SwiGlu(tape, Op.MatMul(tape, x, _gateUp, transposeB: true), Op.MatMul(tape, x, _up, transposeB: true));
            x = Op.Add(tape, x, Op.MatMul(tape, hidden, _down, transposeB: true));
            return Op.CrossEntropy(tape, Op.MatMul(tape, x, _table, transposeB: true), _labels);
        }

        public void Dispose()
        {
            _value.Dispose();
            foreach (Parameter parameter in Parameters) parameter.Dispose();
        }

        private Parameter Weight(ulong seed, Shape shape)
        {
            Parameter parameter = new($"weight {seed}", shape);
            parameter.FillNormal(0.3f, seed, 0);
            Parameters.Add(parameter);
            return parameter;
        }
    }
}
