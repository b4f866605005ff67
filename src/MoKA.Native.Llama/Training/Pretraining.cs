using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Evaluation;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Training;

/// <summary>Makes a small base from text: trains a tokenizer, then every weight of a new model or of one to go on from, and writes the folder.</summary>
public sealed class Pretraining : IDisposable
{
    private const ulong WeightStream = 0x57;
    private readonly PretrainConfig _config;
    private readonly Cpu _cpu;
    private readonly Trainer _trainer;

    /// <summary>Reads the text, trains the tokenizer and makes the model.</summary>
    public Pretraining(PretrainConfig config, Cpu cpu)
    {
        (_config, _cpu) = (config, cpu);
        string[] documents = [.. config.Text.SelectMany(TextFile.ReadDocuments)];
        if (config.Start is { } start)
        {
            LlamaModel source = LlamaFolder.LoadModel(start);
            Tokenizer = LlamaFolder.LoadTokenizer(start, source.Config);
            Model = new LlamaModel(source.Config with { LinearStorage = WeightStorage.F32, TableStorage = WeightStorage.F32 }, new ThawedWeights(source));
        }
        else
        {
            Tokenizer = TokenizerTrainer.Train(documents, config.VocabularySize);
            Model = new LlamaModel(config.Model, new RandomWeights(config.Model, CounterRandom.Bits(config.Seed, WeightStream, 0)));
        }
        Data = new TextDataset(Tokenizer, documents, config.Window, config.Seed);
        _trainer = new Trainer(Model, Model.Parameters, Data, config.Training, cpu);
    }

    /// <summary>The tokenizer trained on the text.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>The model as it is now.</summary>
    public LlamaModel Model { get; }

    /// <summary>The text as tokens.</summary>
    public TextDataset Data { get; }

    /// <summary>Trains, or goes on after a cancel.</summary>
    public void Run(Action<StepReport> report, CancellationToken cancel) => _trainer.Run(report, cancel);

    /// <summary>Writes the folder as it is now.</summary>
    public void Save() => LlamaFolder.Save(_config.Output, Model, Tokenizer, _config.Int4 ? WeightStorage.Q4_0 : WeightStorage.F16, WeightStorage.F16);

    /// <summary>The loss of the saved model, with its rounding, on the held-out text.</summary>
    public TextLoss? HeldOutLoss(CancellationToken cancel) => _config.HeldOut is null
        ? null
        : TextEvaluator.Evaluate(LlamaFolder.LoadModel(_config.Output), Tokenizer, TextFile.ReadDocuments(_config.HeldOut), _config.Window, _cpu, cancel);

    /// <summary>Frees the training state.</summary>
    public void Dispose() => _trainer.Dispose();
}
