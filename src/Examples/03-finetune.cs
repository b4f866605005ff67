using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Generation;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Examples;

/// <summary>Load a base, teach it what an Alpaca file holds, keep what it learnt, and ask it.</summary>
public static class FineTuneExample
{
    public static void Run(TextWriter output, string baseFolder, string alpacaFile, string adapterFolder, int steps = 200)
    {
        using Cpu cpu = new();
        LanguageModel model = LanguageModel.Load(baseFolder, cpu);
        IReadOnlyList<AlpacaRecord> records = AlpacaReader.Read(alpacaFile);
        InstructionDataset data = new(model.Tokenizer, AlpacaTemplate.Short, records, model.Model.Config.MaxPositions, seed: 1);

        model.AttachNew(new MokaOptions { Filters = 10 }, AdapterTargets.Parse("q,v"), seed: 1);
        using Trainer trainer = model.Trainer(data, new TrainingOptions { Steps = steps, PeakLearningRate = 0.01f });
        trainer.Run(step => output.WriteLine($"step {step.Step}: loss {step.Loss:F3}"));
        model.SaveAdapter(adapterFolder);

        output.WriteLine(model.Generate(AlpacaTemplate.Short.Prompt(records[0]), new GenerationOptions()));
    }
}
