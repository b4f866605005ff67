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
        Add(HuggingFaceNames.Embedding, config.VocabularySize, config.HiddenSize, config.TableStorage, Deviation);
        if (!config.TieEmbeddings) Add(HuggingFaceNames.Head, config.VocabularySize, config.HiddenSize, config.TableStorage, Deviation);
        using Parameter ones = new("norm", new Shape(config.HiddenSize), trainable: false);
        ones.Data.Fill(1);
        weights.Add(HuggingFaceNames.FinalNorm, ones);
        for (int layer = 0; layer < config.Layers; layer++)
        {
            weights.Add(HuggingFaceNames.Norm(layer, "attention"), ones);
            weights.Add(HuggingFaceNames.Norm(layer, "mlp"), ones);
            foreach ((string kind, int outputs, int inputs) in config.LinearMaps)
                Add(HuggingFaceNames.Weight(layer, kind), outputs, inputs, config.LinearStorage, kind is "o" or "down" ? Deviation / MathF.Sqrt(2 * config.Layers) : Deviation);
        }
        writer.Save(Path.Combine(output, LlamaFolder.WeightsFile));
        TokenizerJson.Save(SingleCharacters(config.VocabularySize), output);
        ConfigJson.Write(Path.Combine(output, LlamaFolder.ConfigFile), config);
    }

    /// <summary>How many matrices <see cref="Write"/> reports.</summary>
    public static int Matrices(LlamaConfig config) => 7 * config.Layers + (config.TieEmbeddings ? 1 : 2);

    // Random weights need no better one, and it lets every command run.
    private static Tokenizer SingleCharacters(int vocabulary)
    {
        string letters = string.Concat(Enumerable.Range('a', 26).Select(c => (char)c));
        Tokenizer few = TokenizerTrainer.Train([letters], Llama2Layout.FirstPieceId + letters.Length + 1);
        string[] pieces = [.. Enumerable.Range(0, vocabulary).Select(id => id < few.VocabularySize ? few.Piece(id) : $"<{id}>")];
        return Llama2Layout.Create(pieces, new float[vocabulary]);
    }
}
