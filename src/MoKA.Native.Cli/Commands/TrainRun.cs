using MoKA.Native.Cli.Plots;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Evaluation;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Cli.Commands;

/// <summary>Fine-tuning from the panel to the result. Nothing is written before the first step.</summary>
internal sealed class TrainRun(TrainSetup setup, Screen progress, CancellationToken cancel)
{
    private readonly List<(long Step, double Loss)> _losses = [];
    private readonly List<(long Step, double Loss)> _heldOut = [];
    private StepReport _last;

    private TrainSettings Settings => setup.Settings;

    /// <summary>Runs it all; when stopped, what was trained so far is saved.</summary>
    /// <exception cref="OperationCanceledException">It was stopped before the first step.</exception>
    public TrainOutcome Run()
    {
        Measurement? before = Measure(Settings.Start is null ? "asking the base" : "asking the model as it starts");
        using RunFolder run = RunFolder.Create(Settings.Output);
        run.WriteJson(RunFolder.ConfigFile, json => Fact.WriteMembers(json, TrainConfig.Facts(setup)));
        Log(run, before);
        Train(run);
        SaveAdapter(run);
        SavePlot(run);
        Measurement? after = MeasureUnlessStopped();
        Log(run, after);
        SavePlot(run);
        TrainOutcome outcome = new(_last.Step, _last.Elapsed, _last.Loss, before, after);
        run.WriteJson(RunFolder.ResultFile, json => Fact.WriteMembers(json, outcome.Facts(setup)));
        return outcome;
    }

    private void Train(RunFolder run)
    {
        using Trainer trainer = new(setup.Model, setup.Adapters.Parameters, setup.Data, Settings.Training, setup.Cpu);
        try
        {
            progress.Training(show => trainer.Run(step => show(AfterStep(run, step)), cancel));
        }
        catch (NonFiniteException)
        {
            SavePlot(run);
            throw;
        }
    }

    private TrainingRow AfterStep(RunFolder run, StepReport step)
    {
        _last = step;
        _losses.Add((step.Step, step.Loss));
        long memory = Environment.WorkingSet;
        run.Log(step, memory);
        double? heldOut = null;
        if (step.Step % Settings.StepsBetweenMeasurements == 0 && step.Step != step.Steps && !cancel.IsCancellationRequested)
        {
            SaveAdapter(run);
            heldOut = HeldOutLoss(run);
        }
        return new TrainingRow(step, memory, heldOut);
    }

    private double? HeldOutLoss(RunFolder run)
    {
        if (setup.HeldOut is null) return null;
        try
        {
            LossResult loss = setup.HeldOut.Loss(setup.Model, setup.Cpu, cancel);
            run.Log(_last.Step, loss, answers: null);
            _heldOut.Add((_last.Step, loss.NatsPerToken));
            return loss.NatsPerToken;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private Measurement? MeasureUnlessStopped()
    {
        if (cancel.IsCancellationRequested) return null;
        try
        {
            return Measure("asking the adapted model");
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private Measurement? Measure(string what)
    {
        if (setup.HeldOut is not { } heldOut) return null;
        return progress.Counting(what, heldOut.Records.Count, report =>
            new Measurement(heldOut.Loss(setup.Model, setup.Cpu, cancel), heldOut.Answers(setup.Model, setup.Cpu, report, cancel)));
    }

    private void Log(RunFolder run, Measurement? measurement)
    {
        if (measurement is null) return;
        run.Log(_last.Step, measurement.Loss, measurement.Answers);
        _heldOut.Add((_last.Step, measurement.Loss.NatsPerToken));
    }

    private void SaveAdapter(RunFolder run) => AdapterFolder.Save(run.AdapterFolder, setup.Model, setup.Adapters, new AdapterOrigin(AdapterOrigin.NameOf(Settings.Model), setup.BaseHash));

    private void SavePlot(RunFolder run) => LossPlot.Save(run.File(RunFolder.PlotFile), Path.GetFileName(Path.TrimEndingDirectorySeparator(Settings.Output)), _losses, _heldOut);
}
