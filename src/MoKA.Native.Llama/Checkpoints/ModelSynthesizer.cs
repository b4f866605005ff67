using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// Writes a model folder of random weights at a trained model's scale, directly in their storage, one matrix in memory at
/// a time: to measure speed and memory of sizes whose weights are not at hand.
/// </summary>
public static class ModelSynthesizer
{
    // GPT-2's rule, as for fresh weights: N(0, 0.02²), smaller where a map writes to the residual stream.
    private const float Deviation = 0.02f;

    /// <summary>Writes weights, a tokenizer whose texts are single letters, and the config.</summary>
    /// <param name="config">The sizes, and how linear maps and tables are stored; none of them F32.</param>
    /// <param name="seed">What the weights derive from.</param>
    /// <param name="output">The folder; made unless it is there.</param>
    /// <param name="report">Told how many matrices are written, out of <see cref="Matrices"/>; some are written in several parts.</param>
    /// <param name="cancel">Stops between two matrices; no weights are written.</param>
    /// <exception cref="MokaException">The sizes do not fit the storage, or the folder cannot be written.</exception>
    public static void Write(LlamaConfig config, ulong seed, string output, Action<int>? report = null, CancellationToken cancel = default)
    {
        config.Validate();
        ModelFolder.Create(output);
        SafetensorsWriter writer = new();
        using WeightWriter weights = new(writer, config.TableStorage);
        HashSet<string> written = [];
        ulong stream = 0;
        void Add(string name, int rows, int columns, WeightStorage storage, float deviation)
        {
            ulong own = stream++;
            weights.AddStored(name, rows, columns, storage, () =>
            {
                cancel.ThrowIfCancellationRequested();
                if (written.Add(name)) report?.Invoke(written.Count);
                return RandomMatrix.Create(storage, rows, columns, deviation, seed, own, name);
            });
        }
        foreach (ModelTensor tensor in HuggingFaceNames.TensorsOf(config))
        {
            if (tensor.Role == TensorRole.Table) Add(tensor.Name, tensor.Rows, tensor.Columns, config.TableStorage, Deviation);
            else if (tensor.Role == TensorRole.Linear) Add(tensor.Name, tensor.Rows, tensor.Columns, config.LinearStorage, tensor.Kind is "o" or "down" ? Deviation / MathF.Sqrt(2 * config.Layers) : Deviation);
            else writer.Add(tensor.Name, ElementType.F32, [tensor.Columns], stream => WriteEqual(stream, tensor.Columns, tensor.Role == TensorRole.Norm ? 1 : 0));
        }
        writer.Save(Path.Combine(output, LlamaFolder.WeightsFile));
        TokenizerJson.Save(SingleCharacters(config.VocabularySize), output);
        ConfigJson.Write(Path.Combine(output, LlamaFolder.ConfigFile), config);
    }

    /// <summary>How many matrices <see cref="Write"/> reports.</summary>
    public static int Matrices(LlamaConfig config) => 7 * config.Layers + (config.TieEmbeddings ? 1 : 2);

    // Norms are ones, biases zeros.
    private static void WriteEqual(Stream stream, int count, float value)
    {
        float[] numbers = new float[count];
        Array.Fill(numbers, value);
        stream.WriteFloats(numbers);
    }

    // Random weights need no better one, and it lets every command run.
    private static Tokenizer SingleCharacters(int vocabulary)
    {
        string letters = string.Concat(Enumerable.Range('a', 26).Select(c => (char)c));
        Tokenizer few = TokenizerTrainer.Train([letters], Llama2Layout.FirstPieceId + letters.Length + 1);
        string[] pieces = [.. Enumerable.Range(0, vocabulary).Select(id => id < few.VocabularySize ? few.Piece(id) : $"<{id}>")];
        return Llama2Layout.Create(pieces, new float[vocabulary]);
    }
}
