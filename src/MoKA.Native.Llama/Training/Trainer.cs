using System.Diagnostics;
using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Data;
using MoKA.Native.Ops;
using MoKA.Native.Optim;

namespace MoKA.Native.Llama.Training;

/// <summary>
/// The training loop: sample, forward, backward, clip, step, report. It moves the trainable parameters it is given and
/// nothing else: adapters of a frozen base, or the whole model.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly LlamaModel _model;
    private readonly IReadOnlyList<Parameter> _parameters;
    private readonly IBatchSource _data;
    private readonly TrainingOptions _options;
    private readonly LearningRate _learningRate;
    private readonly Tape _tape;
    private readonly AdamW _optimizer;
    private readonly TokenBatch _batch = new();

    /// <summary>A trainer of the trainable ones among <paramref name="parameters"/>.</summary>
    public Trainer(LlamaModel model, IReadOnlyList<Parameter> parameters, IBatchSource data, TrainingOptions options, Cpu cpu)
    {
        options.Validate();
        (_model, _parameters, _data, _options, _learningRate) = (model, [.. parameters.Where(p => p.Trainable)], data, options, options.LearningRate);
        if (_parameters.Count == 0) throw new MokaException("Trainer: nothing is trainable; attach an adapter or unfreeze the model.");
        _tape = new Tape(cpu);
        _optimizer = new AdamW(_parameters, options.AdamW);
    }

    /// <summary>Bytes of activations at the most, so far.</summary>
    public long ActivationBytes => _tape.PeakBytes;

    /// <summary>How many steps are done.</summary>
    public long StepsDone => _optimizer.Steps;

    /// <summary>Runs the steps that are left; stops between two steps when cancelled.</summary>
    /// <param name="report">Called after every step.</param>
    /// <param name="cancel">Ends the run early and cleanly.</param>
    /// <exception cref="NonFiniteException">The loss or a gradient is infinite or not a number.</exception>
    public void Run(Action<StepReport>? report = null, CancellationToken cancel = default)
    {
        long start = Stopwatch.GetTimestamp(), first = StepsDone;
        while (StepsDone < _options.Steps && !cancel.IsCancellationRequested)
        {
            StepReport step = Step();
            double elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
            report?.Invoke(step with { Elapsed = elapsed * step.Step / (step.Step - first) });
        }
    }

    /// <summary>One step.</summary>
    public StepReport Step()
    {
        long start = Stopwatch.GetTimestamp(), step = StepsDone;
        float rate = _learningRate.At(step);
        _data.FillBatch(_batch, step, _options.BatchSize);

        _tape.Reset(seed: CounterRandom.Bits(_options.Seed, DropoutStream, (ulong)step), training: true);
        Tensor states = _model.States(_tape, _batch.Tokens, new Sequences(_batch.SequenceStarts));
        Tensor loss = _model.Loss(_tape, states, _batch.TargetRows, _batch.TargetIds);
        float value = loss.Data[0];
        _tape.Backward(loss);

        float norm = GradientClip.ByNorm(_tape.Cpu, _parameters, _options.ClipNorm);
        if (!float.IsFinite(value) || !float.IsFinite(norm))
        {
            foreach (Parameter parameter in _parameters) parameter.ClearGradient();
            throw new NonFiniteException($"Training: step {step + 1} gave the loss {value} and the gradient norm {norm}; lower the learning rate (now {rate}) or clip more strongly.");
        }
        _optimizer.Step(_tape.Cpu, rate);
        return new StepReport(step + 1, _options.Steps, value, rate, norm, _batch.Tokens.Length, _batch.TargetCount, Stopwatch.GetElapsedTime(start).TotalSeconds, 0);
    }

    /// <summary>Frees activations and optimiser state.</summary>
    public void Dispose()
    {
        _tape.Dispose();
        _optimizer.Dispose();
    }

    private const ulong DropoutStream = 0xD0;
}
