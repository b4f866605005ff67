using System.Globalization;
using MoKA.Native.Adapters;
using MoKA.Native.Autograd;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Nn;
using MoKA.Native.Ops;
using MoKA.Native.Optim;

namespace MoKA.Native.Tests.Golden;

/// <summary>The whole model with its adapters against PyTorch: logits, loss, every gradient, and five optimiser steps.</summary>
public sealed class GoldenModelTests
{
    private const double Tolerance = 1e-5;
    private const double ToleranceOfSteps = 1e-3;

    public static TheoryData<string> Files => ["golden-float", "golden-int4"];

    [Theory]
    [MemberData(nameof(Files))]
    public void Logits_and_loss_are_those_of_PyTorch(string name)
    {
        using GoldenModel golden = new(name);
        using Tape tape = new(golden.Cpu);
        (Tensor logits, Tensor loss) = golden.Forward(tape);
        golden.AssertClose("result.logits", logits.Data, Tolerance);
        golden.AssertClose("result.loss", loss.Data, Tolerance);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_adapter_gradient_is_that_of_PyTorch(string name)
    {
        using GoldenModel golden = new(name);
        using Tape tape = new(golden.Cpu);
        tape.Backward(golden.Forward(tape).Loss);
        foreach ((string key, Parameter parameter) in golden.Trained) golden.AssertClose("gradient." + key, parameter.Gradient, Tolerance);
    }

    [Fact]
    public void Every_gradient_of_the_base_is_that_of_PyTorch()
    {
        using GoldenModel golden = new("golden-float", trainable: true);
        using Tape tape = new(golden.Cpu);
        tape.Backward(golden.Forward(tape).Loss);
        Assert.Equal(golden.File.Tensors.Keys.Count(k => k.StartsWith("full_gradient.", StringComparison.Ordinal)), golden.BaseWeights.Count);
        foreach ((string key, Parameter parameter) in golden.BaseWeights) golden.AssertClose("full_gradient." + key, parameter.Gradient, Tolerance);
    }

    [Fact]
    public void Five_steps_of_the_optimiser_are_those_of_PyTorch()
    {
        using GoldenModel golden = new("golden-float");
        using Tape tape = new(golden.Cpu);
        AdamWOptions options = new(golden.Number("adamw.beta1"), golden.Number("adamw.beta2"), golden.Number("adamw.epsilon"), golden.Number("adamw.weight_decay"), DecayVectors: true);
        Parameter[] parameters = [.. golden.Trained.Values];
        using AdamW optimizer = new(parameters, options);
        for (int step = 0; step < (int)golden.Number("adamw.steps"); step++)
        {
            tape.Reset();
            tape.Backward(golden.Forward(tape).Loss);
            GradientClip.ByNorm(golden.Cpu, parameters, golden.Number("clip.max_norm"));
            optimizer.Step(golden.Cpu, golden.Number("adamw.learning_rate"));
        }
        foreach ((string key, Parameter parameter) in golden.Trained)
        {
            float[] before = golden.Read(key), expected = golden.Read("after5." + key);
            double error = 0, update = 0;
            for (int i = 0; i < expected.Length; i++)
            {
                error += Math.Pow(parameter.Data[i] - (double)expected[i], 2);
                update += Math.Pow(expected[i] - (double)before[i], 2);
            }
            Assert.True(Math.Sqrt(error) <= ToleranceOfSteps * Math.Sqrt(update), $"{key}: the steps differ by {Math.Sqrt(error / update):E2} of the update's norm");
        }
    }
}

/// <summary>A model, its adapters and its batch, rebuilt from a golden file.</summary>
internal sealed class GoldenModel : IDisposable
{
    public GoldenModel(string name, bool trainable = false)
    {
        File = new SafetensorsFile(Path.Combine(AppContext.BaseDirectory, "Golden", name + ".safetensors"));
        string path = Path.Combine(Directory.CreateTempSubdirectory("moka-golden").FullName, "config.json");
        System.IO.File.WriteAllText(path, File.Metadata["config"]);
        LlamaConfig config = ConfigJson.Read(path);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        Model = new LlamaModel(config, trainable ? new TrainableWeights(File) : new SafetensorsWeights(File, config));
        Adapters = new AdapterSet(Model.Projections, AdapterTargets.Parse(name == "golden-float" ? "all" : "q,v"), (p, _) => ReadAdapter(p));
        Adapters.Attach();
        Tokens = ReadInts("batch.tokens");
        Targets = ReadInts("batch.targets");
        Starts = ReadInts("batch.starts");
    }

    public SafetensorsFile File { get; }

    public Cpu Cpu { get; } = new(2);

    public LlamaModel Model { get; }

    public AdapterSet Adapters { get; }

    public int[] Tokens { get; }

    public int[] Targets { get; }

    public int[] Starts { get; }

    public IReadOnlyDictionary<string, Parameter> Trained => Adapters.Entries
        .SelectMany(e => e.Adapter.Parameters.Select(p => (Key: $"{Stem(e.Projection)}.moka_{p.Name}", Parameter: p)))
        .ToDictionary(e => e.Key, e => e.Parameter);

    /// <summary>Every float weight of the base under its name in the file.</summary>
    public IReadOnlyDictionary<string, Parameter> BaseWeights => Model.Parameters.ToDictionary(p => p.Name);

    public (Tensor Logits, Tensor Loss) Forward(Tape tape)
    {
        Tensor logits = Model.Logits(tape, Tokens, new Sequences(Starts));
        return (logits, Op.CrossEntropy(tape, logits, Targets));
    }

    public float Number(string key) => float.Parse(File.Metadata[key], CultureInfo.InvariantCulture);

    public float[] Read(string key)
    {
        float[] values = new float[File.Entry(key).ElementCount];
        File.ReadFloats(key, values);
        return values;
    }

    public void AssertClose(string key, ReadOnlySpan<float> actual, double tolerance)
    {
        float[] expected = Read(key);
        Assert.Equal(expected.Length, actual.Length);
        double error = 0, norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            error += Math.Pow(actual[i] - (double)expected[i], 2);
            norm += Math.Pow(expected[i], 2);
        }
        Assert.True(norm > 0, $"{key}: the golden is zero and proves nothing");
        Assert.True(Math.Sqrt(error) <= tolerance * Math.Sqrt(norm), $"{key}: differs by {Math.Sqrt(error / norm):E2} of its norm");
    }

    public void Dispose()
    {
        File.Dispose();
        Cpu.Dispose();
    }

    private MokaAdapter ReadAdapter(Projection projection)
    {
        List<KroneckerShape> shapes = [];
        while (File.Tensors.TryGetValue($"{Stem(projection)}.moka_A.{shapes.Count}", out TensorEntry? a))
        {
            TensorEntry b = File.Entry($"{Stem(projection)}.moka_B.{shapes.Count}");
            shapes.Add(new KroneckerShape((int)a.Dims[0], (int)a.Dims[1], (int)b.Dims[0], (int)b.Dims[1]));
        }
        MokaOptions options = new() { Filters = shapes.Count, Shapes = shapes, Scale = Number("moka.scale"), Temperature = Number("moka.temperature") };
        MokaAdapter adapter = new(projection.Out, projection.In, options, seed: 0, stream: 0);
        foreach (Parameter parameter in adapter.Parameters) File.ReadFloats($"{Stem(projection)}.moka_{parameter.Name}", parameter.Data);
        return adapter;
    }

    private static string Stem(Projection projection) =>
        HuggingFaceNames.AdapterStem(int.Parse(projection.Name.Split('.')[1], CultureInfo.InvariantCulture), projection.Kind);

    private int[] ReadInts(string key) => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, int>(File.Bytes(key)).ToArray();
}

/// <summary>The float weights of a golden file as parameters that can be trained, each under its name there.</summary>
internal sealed class TrainableWeights(SafetensorsFile file) : ILlamaWeights
{
    public Parameter Bias(int layer, string kind, int outputs) => Read(HuggingFaceNames.Bias(layer, kind), new Shape(outputs));

    public ITokenTable Embedding(int vocabulary, int hidden) => new Linear(Read(HuggingFaceNames.Embedding, new Shape(vocabulary, hidden)));

    public ILinear Linear(int layer, string kind, int outputs, int inputs) => new Linear(Read(HuggingFaceNames.Weight(layer, kind), new Shape(outputs, inputs)));

    public Parameter Norm(int layer, string kind, int hidden) => Read(HuggingFaceNames.Norm(layer, kind), new Shape(hidden));

    public Parameter FinalNorm(int hidden) => Read(HuggingFaceNames.FinalNorm, new Shape(hidden));

    public ILinear Head(int vocabulary, int hidden) => new Linear(Read(HuggingFaceNames.Head, new Shape(vocabulary, hidden)));

    private Parameter Read(string name, Shape shape)
    {
        Parameter parameter = new(name, shape);
        file.ReadFloats(name, parameter.Data);
        return parameter;
    }
}
