using System.Text;
using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Generation;
using MoKA.Native.Llama.Training;
using MoKA.Native.Tests.Llama.Tokenizers;
using MoKA.Native.Tests.Llama.Training;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Llama;

/// <summary>The facade: tune, save, load and ask, and the base comes back.</summary>
public sealed class LanguageModelTests : IDisposable
{
    private const string Prompt = "Lily saw";
    private static readonly GenerationOptions Options = new() { MaxTokens = 12 };
    private readonly TempFolder _folder = new();

    public LanguageModelTests() => LlamaFolder.Save(_folder.File("base"), TinyLlama.Create(ToyTasks.Config, int4: true), TokenizerFixtures.Small, WeightStorage.Q4_0, WeightStorage.F16);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_trained_is_what_another_process_loads()
    {
        LanguageModel model = Load();
        string before = model.Generate(Prompt, Options);
        model.AttachNew(new MokaOptions { Filters = 2 }, AdapterTargets.Parse("q,v"), seed: 3);
        Assert.Equal(before, model.Generate(Prompt, Options));
        using (Trainer trainer = model.Trainer(ToyTasks.FineTuning().Data, ToyTasks.Options(steps: 20))) trainer.Run();
        string after = model.Generate(Prompt, Options);
        Assert.NotEqual(before, after);
        Assert.Equal(after, string.Concat(model.Stream(Prompt, Options)));
        model.SaveAdapter(_folder.File("adapter"));
        model.DetachAdapter();
        Assert.Null(model.Adapters);
        Assert.Equal(before, model.Generate(Prompt, Options));

        LanguageModel other = Load();
        other.LoadAdapter(_folder.File("adapter"));
        Assert.Equal(after, other.Generate(Prompt, Options));
        other.AttachNew(new MokaOptions(), AdapterTargets.Parse("all"), seed: 1);
        Assert.Equal(before, other.Generate(Prompt, Options));
    }

    [Fact]
    public void A_description_names_the_base_without_its_place()
    {
        LanguageModel model = Load();
        model.AttachNew(new MokaOptions(), AdapterTargets.Parse("q"), seed: 3);
        model.SaveAdapter(_folder.File("adapter"));
        string json = File.ReadAllText(Path.Combine(_folder.File("adapter"), AdapterFolder.ConfigFile), Encoding.UTF8);
        Assert.Contains("\"base\"", json, StringComparison.Ordinal);
        Assert.DoesNotContain(_folder.Path, json, StringComparison.Ordinal);
        Assert.Contains(model.Hash, json, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_an_adapter_there_is_nothing_to_save_or_train()
    {
        LanguageModel model = Load();
        ErrorLine.Of(() => model.SaveAdapter(_folder.File("adapter")), "no adapter");
        ErrorLine.Of(() => model.Trainer(ToyTasks.FineTuning().Data, ToyTasks.Options(steps: 1)), "trainable");
        model.DetachAdapter();
    }

    private LanguageModel Load() => LanguageModel.Load(_folder.File("base"), Cpus.Widest);
}
