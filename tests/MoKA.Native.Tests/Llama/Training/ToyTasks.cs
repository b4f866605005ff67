using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Training;
using MoKA.Native.Tests.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Training;

/// <summary>Models and data that train in a moment.</summary>
internal static class ToyTasks
{
    public static AlpacaRecord[] Records { get; } =
    [
        new("Name the girl.", "", "Lily"),
        new("What did she see?", "One day, she saw a big, red ball.", "a red ball"),
        new("Where?", "", "in the park"),
        new("How many balls?", "There were 12 balls.", "12"),
    ];

    public static LlamaConfig Config { get; } = TinyLlama.Config with { VocabularySize = TokenizerFixtures.Small.VocabularySize, MaxPositions = 128 };

    /// <summary>A MoKA with dropout on an int4 base, and batches of instructions of different lengths.</summary>
    public static (LlamaModel Model, IReadOnlyList<Parameter> Trained, IBatchSource Data) FineTuning(float dropout = 0.1f) => FineTuning(new MokaOptions { Filters = 3, Dropout = dropout });

    /// <summary>The same with any method.</summary>
    public static (LlamaModel Model, IReadOnlyList<Parameter> Trained, IBatchSource Data) FineTuning(AdapterOptions options)
    {
        LlamaModel model = TinyLlama.Create(Config, int4: true);
        model.Freeze();
        AdapterSet adapters = new(model.Projections, AdapterTargets.Parse("all"), (p, place) => options.Create(p.Current, seed: 4, place));
        adapters.Attach();
        return (model, adapters.Parameters, new InstructionDataset(TokenizerFixtures.Small, AlpacaTemplate.Short, Records, maxLength: 128, seed: 6));
    }

    /// <summary>A whole float model, and windows of text.</summary>
    public static (LlamaModel Model, IReadOnlyList<Parameter> Trained, IBatchSource Data) PreTraining()
    {
        LlamaModel model = new(Config, new RandomWeights(Config, seed: 2));
        return (model, model.Parameters, new TextDataset(TokenizerFixtures.Small, [TokenizerFixtures.Story], context: 24, seed: 6));
    }

    public static TrainingOptions Options(int steps) => new() { Steps = steps, BatchSize = 3, PeakLearningRate = 0.01f, Seed = 5 };
}
