using MoKA.Native.Adapters;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>One adapted map of a saved adapter.</summary>
/// <param name="Name">The module as the file calls it.</param>
/// <param name="Shapes">One for each filter.</param>
/// <param name="GateWeights">α [filters], which sum to 1.</param>
/// <param name="NormsA">The Frobenius norm of each A.</param>
/// <param name="NormsB">The Frobenius norm of each B; all zero before training.</param>
public sealed record AdapterModule(string Name, IReadOnlyList<KroneckerShape> Shapes, IReadOnlyList<double> GateWeights, IReadOnlyList<double> NormsA, IReadOnlyList<double> NormsB)
{
    /// <summary>Trainable numbers of the filters.</summary>
    public long Parameters => Shapes.Sum(s => s.Parameters);

    /// <summary>The largest rank the update can have.</summary>
    public long MaximalRank => Math.Min(Shapes.Sum(s => s.MaximalRank), Math.Min(Shapes[0].Out, Shapes[0].In));
}

/// <summary>What a saved adapter holds, read without its base.</summary>
public sealed record AdapterSummary
{
    private const string Marker = ".moka_";

    private AdapterSummary(MokaConfig config, IReadOnlyList<AdapterModule> modules) =>
        (Options, Targets, BaseModel, BaseHash, Modules) = (config.Options, config.Targets, config.BaseModel, config.BaseHash, modules);

    /// <summary>How it was built.</summary>
    public MokaOptions Options { get; }

    /// <summary>Which kinds of projection are adapted.</summary>
    public AdapterTargets Targets { get; }

    /// <summary>The base as it was named when training.</summary>
    public string BaseModel { get; }

    /// <summary>The hash of the base's weights.</summary>
    public string BaseHash { get; }

    /// <summary>The adapted maps, ordered by name.</summary>
    public IReadOnlyList<AdapterModule> Modules { get; }

    /// <summary>Trainable numbers, gates included.</summary>
    public long ParameterCount => Modules.Sum(m => m.Parameters + (Options.Gated ? m.Shapes.Count : 0));

    /// <summary>Reads an adapter's folder.</summary>
    /// <exception cref="MokaException">A file is missing or damaged.</exception>
    public static AdapterSummary Read(string folder)
    {
        MokaConfig config = MokaConfigJson.Read(Path.Combine(folder, MokaFolder.ConfigFile));
        using SafetensorsFile file = new(Path.Combine(folder, MokaFolder.WeightsFile));
        IEnumerable<string> names = file.Tensors.Keys.Select(name => name.IndexOf(Marker, StringComparison.Ordinal) is var at and > 0
            ? name[..at]
            : throw new MokaException($"{file.Path}: the tensor {Quoted.Name(name)} is none of a MoKA adapter; check that it is the right file."));
        return new AdapterSummary(config, [.. names.Distinct().Order(StringComparer.Ordinal).Select(name => Module(file, name, config.Options))]);
    }

    private static AdapterModule Module(SafetensorsFile file, string name, MokaOptions options)
    {
        List<KroneckerShape> shapes = [];
        List<double> normsA = [], normsB = [];
        for (int i = 0; file.Tensors.ContainsKey($"{name}{Marker}A.{i}"); i++)
        {
            (int rowsA, int columnsA, double normA) = Matrix(file, $"{name}{Marker}A.{i}");
            (int rowsB, int columnsB, double normB) = Matrix(file, $"{name}{Marker}B.{i}");
            shapes.Add(new KroneckerShape(rowsA, columnsA, rowsB, columnsB));
            normsA.Add(normA);
            normsB.Add(normB);
        }
        if (shapes.Count == 0) throw new MokaException($"{file.Path}: {Quoted.Name(name)} has no filter; the file is damaged or of another kind.");
        return new AdapterModule(name, shapes, options.Gated ? Softmax(file, $"{name}{Marker}gate", shapes.Count, options.Temperature) : [.. shapes.Select(_ => 1.0 / shapes.Count)], normsA, normsB);
    }

    private static (int Rows, int Columns, double Norm) Matrix(SafetensorsFile file, string name)
    {
        TensorEntry entry = file.Entry(name);
        if (entry.Dims.Length != 2 || entry.ElementCount is < 1 or > int.MaxValue) throw new MokaException($"{file.Path}: {Quoted.Name(name)} must be a matrix, got {Quoted.Dims(entry.Dims.AsSpan())}.");
        float[] values = Floats(file, entry);
        return ((int)entry.Dims[0], (int)entry.Dims[1], Math.Sqrt(values.Sum(v => (double)v * v)));
    }

    private static double[] Softmax(SafetensorsFile file, string name, int filters, float temperature)
    {
        TensorEntry entry = file.Entry(name);
        if (entry.ElementCount != filters) throw new MokaException($"{file.Path}: {Quoted.Name(name)} must be [{filters}], got {Quoted.Dims(entry.Dims.AsSpan())}.");
        double[] logits = [.. Floats(file, entry).Select(g => g / (double)temperature)];
        double max = logits.Max(), sum = logits.Sum(g => Math.Exp(g - max));
        return [.. logits.Select(g => Math.Exp(g - max) / sum)];
    }

    private static float[] Floats(SafetensorsFile file, TensorEntry entry)
    {
        float[] values = new float[entry.ElementCount];
        file.ReadFloats(entry.Name, values);
        return values;
    }
}
