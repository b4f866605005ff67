using MoKA.Native.Llama;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Training;
using MoKA.Native.Tests.Llama.Training;

namespace MoKA.Native.Tests.Determinism;

/// <summary>Training gives the same bits on every instruction set, at every number of threads, interrupted or not.</summary>
public sealed class TrainingBitsTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Ten_steps_have_the_same_bits_everywhere(bool fineTuning)
    {
        float[][] expected = Train(fineTuning, Cpus.Scalar);
        foreach (Cpu cpu in Cpus.All.Skip(1))
            foreach ((float[] first, float[] other) in expected.Zip(Train(fineTuning, cpu))) Bits.Equal(first, other, $"{cpu.InstructionSet} at {cpu.Threads} threads");
    }

    [Fact]
    public void A_run_that_is_cancelled_and_goes_on_has_the_bits_of_one_that_is_not()
    {
        float[][] expected = Train(fineTuning: true, Cpus.Widest);
        (LlamaModel model, IReadOnlyList<Parameter> trained, IBatchSource data) = ToyTasks.FineTuning();
        using Trainer trainer = new(model, trained, data, ToyTasks.Options(steps: 10), Cpus.Widest);
        using CancellationTokenSource cancel = new();
        List<long> steps = [];
        trainer.Run(report =>
        {
            steps.Add(report.Step);
            if (report.Step == 4) cancel.Cancel();
        }, cancel.Token);
        Assert.Equal(4, trainer.StepsDone);
        trainer.Run(report => steps.Add(report.Step));
        Assert.Equal(Enumerable.Range(1, 10).Select(i => (long)i), steps);
        foreach ((float[] whole, Parameter parts) in expected.Zip(trained)) Bits.Equal(whole, parts.Data, parts.Name);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Recomputed_blocks_give_the_bits_of_kept_ones(bool fineTuning)
    {
        float[][] kept = Train(fineTuning, Cpus.Widest), again = Train(fineTuning, Cpus.Widest, recompute: true);
        foreach ((float[] first, float[] other) in kept.Zip(again)) Bits.Equal(first, other, "a parameter");
    }

    [Fact]
    public void The_seed_decides()
    {
        float[][] Run(ulong seed)
        {
            (LlamaModel model, IReadOnlyList<Parameter> trained, IBatchSource data) = ToyTasks.FineTuning();
            using Trainer trainer = new(model, trained, data, ToyTasks.Options(steps: 2) with { Seed = seed }, Cpus.Widest);
            trainer.Run();
            return [.. trained.Select(p => p.Data.ToArray())];
        }
        Assert.Equal(Run(1), Run(1));
        Assert.NotEqual(Run(1), Run(2));
    }

    private static float[][] Train(bool fineTuning, Cpu cpu, bool recompute = false)
    {
        (LlamaModel model, IReadOnlyList<Parameter> trained, IBatchSource data) = fineTuning ? ToyTasks.FineTuning() : ToyTasks.PreTraining();
        model.Recompute = recompute;
        float[][] before = [.. trained.Select(p => p.Data.ToArray())];
        using Trainer trainer = new(model, trained, data, ToyTasks.Options(steps: 10), cpu);
        trainer.Run();
        float[][] after = [.. trained.Select(p => p.Data.ToArray())];
        Assert.All(after.Zip(before), pair => Assert.NotEqual(pair.Second, pair.First));
        return after;
    }
}
