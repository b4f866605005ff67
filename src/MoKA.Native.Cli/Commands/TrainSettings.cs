using MoKA.Native.Adapters;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Training;
using MoKA.Native.Optim;

namespace MoKA.Native.Cli.Commands;

/// <summary>Everything that a fine-tuning run depends on. The values here are the defaults of <c>moka train</c>.</summary>
internal sealed record TrainSettings
{
    public required string Model { get; init; }

    public required string Data { get; init; }

    /// <summary>Records that are not trained on; without them nothing is measured before and after.</summary>
    public string? Test { get; init; }

    /// <summary>A tokenizer that is not the model's own.</summary>
    public string? Tokenizer { get; init; }

    public required string Output { get; init; }

    /// <summary>The adapter that training goes on from, in place of a new one; it decides how and what is adapted.</summary>
    public string? Start { get; init; }

    /// <summary>Whether that adapter may have been trained on another base.</summary>
    public bool AnyBase { get; init; }

    public int Steps { get; init; } = 300;

    public int BatchSize { get; init; } = 16;

    public float LearningRate { get; init; } = 5e-3f;

    public string Schedule { get; init; } = "cosine";

    /// <summary>The share of the steps in which the learning rate rises.</summary>
    public float WarmUp { get; init; } = 0.03f;

    public float Clip { get; init; } = 1;

    public float WeightDecay { get; init; }

    /// <summary>The most tokens of an example; 0 for the model's positions, at most <see cref="UsualLength"/>.</summary>
    public int MaxLength { get; init; }

    public string Targets { get; init; } = AdapterTargets.Everything;

    /// <summary>The name of a <see cref="TrainMethod"/>.</summary>
    public string Method { get; init; } = "moka";

    public int Filters { get; init; } = 10;

    /// <summary>The filters' shapes as they are written.</summary>
    public ShapeLists Shapes { get; init; } = ShapeLists.None;

    public int Rank { get; init; } = 16;

    /// <summary>What a low-rank update's scale is made of; the rank unless given.</summary>
    public float? Alpha { get; init; }

    /// <summary>How many times faster a low-rank pair's B learns than its A.</summary>
    public float RateRatio { get; init; } = 1;

    public int DecomposeFactor { get; init; } = -1;

    public bool DecomposeBoth { get; init; }

    public float Scale { get; init; } = 1;

    public float Dropout { get; init; }

    public float Temperature { get; init; } = 1;

    public bool Gated { get; init; } = true;

    /// <summary>Whether blocks are computed again on the way back instead of kept.</summary>
    public bool Recompute { get; init; }

    public string Template { get; init; } = "short";

    public ulong Seed { get; init; } = 1;

    public int Threads { get; init; }

    /// <summary>How many test records are measured; 0 for all.</summary>
    public int EvalExamples { get; init; }

    /// <summary>Steps between two measurements of the held-out loss; 0 for a fifth of the run.</summary>
    public int EvalEvery { get; init; }

    /// <summary>The longest example by default, whatever the model can hold.</summary>
    public const int UsualLength = 512;

    /// <summary>How each adapted map is changed by a new adapter.</summary>
    public AdapterOptions Adapter => TrainMethod.ByName(Method).Options(this);

    public TrainingOptions Training => new()
    {
        Steps = Steps,
        BatchSize = BatchSize,
        PeakLearningRate = LearningRate,
        Schedule = Optim.LearningRate.ParseShape(Schedule),
        WarmUpShare = WarmUp,
        ClipNorm = Clip,
        Seed = Seed,
        AdamW = new AdamWOptions(WeightDecay: WeightDecay),
    };

    public int StepsBetweenMeasurements => EvalEvery > 0 ? EvalEvery : Math.Max(1, Steps / 5);

    /// <summary>Throws <see cref="UsageException"/> for what can be told without reading a file.</summary>
    public void Validate()
    {
        UsageException.Check(() =>
        {
            Adapter.Validate();
            Training.Validate();
            AdapterTargets.Parse(Targets);
            AlpacaTemplate.ByName(Template);
            RunFolder.RequireFree(Output);
            if (Start is { } start) OutputPlace.RequireApart(Output, AdapterInput.FolderOf(start));
        });
        if (WeightDecay < 0) throw new UsageException($"--weight-decay must not be negative, got {WeightDecay}.");
    }
}
