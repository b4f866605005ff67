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
/// Rewrites a model of any format as a folder with its linear maps in fewer bits. One matrix at a time is in memory, as floats
/// and quantised; the weights file appears whole or not at all.
/// </summary>
public sealed class ModelQuantizer
{
    private readonly ModelSource _source;
    private readonly LlamaConfig _config;
    private readonly byte[] _description;

    /// <summary>Plans to rewrite a model.</summary>
    /// <param name="source">The model.</param>
    /// <param name="linears">How to store the linear maps of the blocks.</param>
    /// <param name="tables">How to store the token table and the head: F32, F16 or BF16. Unless given, the maps' type where these are floats, or else as they are, or BF16 where they are none of these.</param>
    /// <exception cref="MokaException">The model's sizes do not fit the storage, or a folder's config cannot describe the model.</exception>
    public ModelQuantizer(ModelSource source, WeightStorage linears, WeightStorage? tables = null)
    {
        _source = source;
        WeightStorage own = source.Config.TableStorage.IsFloat() ? source.Config.TableStorage : WeightStorage.BF16;
        _config = source.Config with { LinearStorage = linears, TableStorage = tables ?? (linears.IsFloat() ? linears : own) };
        _description = ConfigJson.Bytes(_config);
    }

    /// <summary>How many matrices are quantised: seven in a block.</summary>
    public int Matrices => 7 * _config.Layers;

    /// <summary>Writes the folder: weights, then the tokenizer and what else belongs to the model, then the config.</summary>
    /// <param name="output">A folder apart from the source, as <see cref="OutputPlace"/> says; made unless it is there.</param>
    /// <param name="report">Told of each linear map once, when it is first quantised; maps that are stored so already are copied.</param>
    /// <param name="cancel">Stops between two matrices; nothing is written.</param>
    /// <exception cref="MokaException">A file cannot be read or written, or a weight does not fit the storage.</exception>
    public void Write(string output, Action<QuantizedTensor> report, CancellationToken cancel = default)
    {
        OutputPlace.RequireApart(output, _source.Path);
        LlamaFolder.SaveFrom(_source, output, _source.LoadModel(), _config, _description, tokenizer: null, report, cancel);
    }

    /// <summary>Compares a quantised matrix with its floats.</summary>
    internal static QuantizedTensor Measure(string name, ReadOnlySpan<float> floats, FrozenMatrix matrix)
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
