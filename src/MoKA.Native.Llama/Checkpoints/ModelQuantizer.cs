using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>What quantising did to one matrix.</summary>
/// <param name="Name">The tensor.</param>
/// <param name="Rows">Outputs.</param>
/// <param name="Columns">Inputs.</param>
/// <param name="Storage">How it is stored now.</param>
/// <param name="Bytes">What it takes, scales and tables included.</param>
/// <param name="RelativeError">‖W - W'‖ / ‖W‖, Frobenius; 0 for a matrix of zeros.</param>
/// <param name="LargestError">max |w - w'|.</param>
public readonly record struct QuantizedTensor(string Name, int Rows, int Columns, WeightStorage Storage, long Bytes, double RelativeError, double LargestError)
{
    /// <summary>Storage per weight.</summary>
    public double BitsPerWeight => 8.0 * Bytes / ((double)Rows * Columns);
}

/// <summary>
/// Rewrites a model folder with its linear maps in fewer bits. One matrix at a time is in memory, as floats and quantised;
/// the weights file appears whole or not at all.
/// </summary>
public sealed class ModelQuantizer
{
    private static readonly string[] Companions = ["tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json", "generation_config.json"];
    private readonly string _source;
    private readonly LlamaConfig _config;

    /// <summary>Plans to rewrite the model of a folder.</summary>
    /// <param name="source">The model's folder.</param>
    /// <param name="linears">How to store the linear maps of the blocks.</param>
    /// <param name="tables">How to store the token table and the head: F32, F16 or BF16. Unless given as they are, or as the maps where these are floats.</param>
    /// <exception cref="MokaException">The folder holds no model, or its sizes do not fit the storage.</exception>
    public ModelQuantizer(string source, WeightStorage linears, WeightStorage? tables = null)
    {
        Source = LlamaFolder.LoadConfig(source);
        _source = source;
        _config = Source with { LinearStorage = linears, TableStorage = tables ?? (linears.IsFloat() ? linears : Source.TableStorage) };
        _config.Validate();
    }

    /// <summary>The model as it is.</summary>
    public LlamaConfig Source { get; }

    /// <summary>How many matrices are quantised: seven in a block.</summary>
    public int Matrices => 7 * _config.Layers;

    /// <summary>Writes the folder: weights, then the tokenizer's files as they are, then the config.</summary>
    /// <param name="output">Another folder than the source; made unless it is there.</param>
    /// <param name="report">Told of each linear map once, when it is first quantised.</param>
    /// <param name="cancel">Stops between two matrices; nothing is written.</param>
    /// <exception cref="MokaException">A file cannot be read or written, or a weight does not fit the storage.</exception>
    public void Write(string output, Action<QuantizedTensor> report, CancellationToken cancel = default)
    {
        if (Path.GetFullPath(output).TrimEnd(Path.DirectorySeparatorChar) == Path.GetFullPath(_source).TrimEnd(Path.DirectorySeparatorChar))
            throw new MokaException($"{output}: the output must be another folder than the model, whose weights would be lost; name a new one.");
        using (SafetensorsReader file = LlamaFolder.OpenWeights(_source))
        {
            HashSet<string> reported = [];
            SafetensorsWriter writer = new();
            using WeightWriter weights = new(writer, _config.TableStorage, (name, floats, matrix) =>
            {
                cancel.ThrowIfCancellationRequested();
                if (HuggingFaceNames.IsLinear(name) && reported.Add(name)) report(Measure(name, floats, matrix));
            });
            AddAll(weights, new SafetensorsWeights(file, Source));
            ModelFolder.Create(output);
            writer.Save(Path.Combine(output, LlamaFolder.WeightsFile));
        }
        foreach (string name in Companions.Where(name => File.Exists(Path.Combine(_source, name))))
            AtomicFile.Write(Path.Combine(output, name), stream => stream.Write(BoundedFile.Read(Path.Combine(_source, name), int.MaxValue / 2)));
        ConfigJson.Write(Path.Combine(output, LlamaFolder.ConfigFile), _config);
    }

    private void AddAll(WeightWriter weights, SafetensorsWeights source)
    {
        foreach (ModelTensor tensor in HuggingFaceNames.TensorsOf(_config))
        {
            if (tensor.Role is TensorRole.Table or TensorRole.Linear)
                weights.Add(tensor.Name, tensor.Rows, tensor.Columns, tensor.Role == TensorRole.Linear ? _config.LinearStorage : _config.TableStorage, source.Reader(tensor.Name, tensor.Rows, tensor.Columns));
            else weights.Add(tensor.Name, source.Floats(tensor.Name, tensor.Columns));
        }
        source.RequireAllRead();
    }

    private static QuantizedTensor Measure(string name, ReadOnlySpan<float> floats, FrozenMatrix matrix)
    {
        float[] row = new float[matrix.Columns];
        double error = 0, norm = 0, largest = 0;
        for (int i = 0; i < matrix.Rows; i++)
        {
            matrix.DequantizeRow(i, row);
            ReadOnlySpan<float> exact = floats.Slice(i * matrix.Columns, matrix.Columns);
            for (int j = 0; j < row.Length; j++)
            {
                double difference = (double)exact[j] - row[j];
                error += difference * difference;
                norm += (double)exact[j] * exact[j];
                largest = Math.Max(largest, Math.Abs(difference));
            }
        }
        return new QuantizedTensor(name, matrix.Rows, matrix.Columns, matrix.Storage!.Value, matrix.StorageBytes, norm == 0 ? 0 : Math.Sqrt(error / norm), largest);
    }
}
