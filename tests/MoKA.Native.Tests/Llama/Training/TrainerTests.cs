using MoKA.Native.Llama;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Training;
using MoKA.Native.Tests.Adapters;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Llama.Training;

/// <summary>The training loop: it learns, allocates nothing, and stops cleanly at numbers that are none.</summary>
public sealed class TrainerTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_loss_falls(bool fineTuning)
    {
        (LlamaModel model, IReadOnlyList<Parameter> trained, IBatchSource data) = fineTuning ? ToyTasks.FineTuning(dropout: 0) : ToyTasks.PreTraining();
        using Trainer trainer = new(model, trained, data, ToyTasks.Options(steps: 60) with { BatchSize = 4 }, Cpus.Widest);
        List<StepReport> reports = [];
        trainer.Run(reports.Add);
        Assert.Equal(60, reports.Count);
        Assert.True(reports[^1].Loss < reports[0].Loss / 2, $"{reports[0].Loss} fell only to {reports[^1].Loss}");
        Assert.All(reports, r => Assert.True(r is { Tokens: > 0, Targets: > 0, GradientNorm: > 0, LearningRate: > 0, Steps: 60 }));
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    [InlineData(false, 2)]
    public void A_step_puts_nothing_on_the_managed_heap(bool fineTuning, int threads)
    {
        (LlamaModel model, IReadOnlyList<Parameter> trained, IBatchSource data) = fineTuning ? ToyTasks.FineTuning() : ToyTasks.PreTraining();
        using Cpu cpu = new(threads);
        using Trainer trainer = new(model, trained, data, ToyTasks.Options(steps: 100), cpu);
        // Buffers have grown to the largest batch after some epochs.
        for (int i = 0; i < 20; i++) trainer.Step();
        Assert.Equal(0, Allocations.Of(() => { for (int i = 0; i < 10; i++) trainer.Step(); }));
    }

    [Theory]
    [MemberData(nameof(Methods.Names), MemberType = typeof(Methods))]
    public void Every_method_learns_and_puts_nothing_on_the_managed_heap(string method)
    {
        foreach (bool recompute in new[] { false, true })
        {
            (LlamaModel model, IReadOnlyList<Parameter> trained, IBatchSource data) = ToyTasks.FineTuning(Methods.All[method]);
            model.Recompute = recompute;
            using Trainer trainer = new(model, trained, data, ToyTasks.Options(steps: 100), Cpus.Widest);
            float first = trainer.Step().Loss, last = first;
            for (int i = 0; i < 30; i++) last = trainer.Step().Loss;
            Assert.True(last < first, $"{first} did not fall: {last}");
            Assert.Equal(0, Allocations.Of(() => { for (int i = 0; i < 10; i++) trainer.Step(); }));
        }
    }

    [Theory]
    [MemberData(nameof(Methods.Names), MemberType = typeof(Methods))]
    public void Recomputing_changes_no_bit_of_any_method(string method)
    {
        float[][] Train(bool recompute)
        {
            (LlamaModel model, IReadOnlyList<Parameter> trained, IBatchSource data) = ToyTasks.FineTuning(Methods.All[method]);
            model.Recompute = recompute;
            using Trainer trainer = new(model, trained, data, ToyTasks.Options(steps: 100), Cpus.Widest);
            for (int i = 0; i < 4; i++) trainer.Step();
            return [.. trained.Select(p => p.Data.ToArray())];
        }
        foreach ((float[] kept, float[] again) in Train(false).Zip(Train(true))) Bits.Equal(kept, again, method);
    }

    [Fact]
    public void Poisoned_weights_end_the_training_with_the_adapter_as_it_was()
    {
        (LlamaModel model, IReadOnlyList<Parameter> trained, IBatchSource data) = ToyTasks.FineTuning();
        using Trainer trainer = new(model, trained, data, ToyTasks.Options(steps: 10), Cpus.Widest);
        trainer.Step();
        float[][] before = [.. trained.Select(p => p.Data.ToArray())];
        float healthy = model.Norm.Data[0];
        model.Norm.Data[0] = float.NaN;
        NonFiniteException error = Assert.Throws<NonFiniteException>(() => trainer.Run());
        Assert.Contains("step 2", error.Message, StringComparison.Ordinal);
        foreach ((Parameter parameter, float[] bits) in trained.Zip(before)) Bits.Equal(bits, parameter.Data, parameter.Name);

        model.Norm.Data[0] = healthy;
        Assert.True(float.IsFinite(trainer.Step().Loss), "the poisoned gradients stay");
        Assert.True(float.IsFinite(trainer.Step().GradientNorm));
    }

    [Fact]
    public void A_run_cancelled_before_it_begins_takes_no_step()
    {
        (LlamaModel model, IReadOnlyList<Parameter> trained, IBatchSource data) = ToyTasks.FineTuning();
        using Trainer trainer = new(model, trained, data, ToyTasks.Options(steps: 10), Cpus.Widest);
        trainer.Run(_ => Assert.Fail("a step was taken"), new CancellationToken(canceled: true));
        Assert.Equal(0, trainer.StepsDone);
    }

    [Fact]
    public void A_trainer_without_anything_to_train_is_refused()
    {
        (LlamaModel model, _, IBatchSource data) = ToyTasks.FineTuning();
        ErrorLine.Of(() => new Trainer(model, model.Parameters, data, ToyTasks.Options(steps: 1), Cpus.Widest), "trainable");
    }

    public static TheoryData<string, TrainingOptions> Hostile => new()
    {
        { "Steps", new TrainingOptions { Steps = 0 } },
        { "Batch", new TrainingOptions { BatchSize = 0 } },
        { "Batch", new TrainingOptions { BatchSize = int.MaxValue } },
        { "Learning rate", new TrainingOptions { PeakLearningRate = float.NaN } },
        { "Learning rate", new TrainingOptions { PeakLearningRate = 0 } },
        { "Warm-up", new TrainingOptions { WarmUpShare = 1.5f } },
        { "Final", new TrainingOptions { FinalShare = float.NaN } },
        { "Clip", new TrainingOptions { ClipNorm = -1 } },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void Options_out_of_range_are_refused(string named, TrainingOptions options) => ErrorLine.Of(options.Validate, named);
}
