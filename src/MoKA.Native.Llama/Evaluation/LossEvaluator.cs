using MoKA.Native.Autograd;
using MoKA.Native.Llama.Data;
using MoKA.Native.Ops;

namespace MoKA.Native.Llama.Evaluation;

/// <summary>A mean loss and what it is the mean of.</summary>
/// <param name="NatsPerToken">Mean cross-entropy over the targets.</param>
/// <param name="Targets">How many tokens were predicted.</param>
public readonly record struct LossResult(double NatsPerToken, long Targets);

/// <summary>The loss on data that is not trained on.</summary>
public static class LossEvaluator
{
    private const int ExamplesAtOnce = 16;

    /// <summary>Mean over every target of every example, each token counting the same.</summary>
    public static LossResult Evaluate(LlamaModel model, IReadOnlyList<Example> examples, Cpu cpu, CancellationToken cancel = default)
    {
        using Tape tape = new(cpu, gradients: false);
        TokenBatch batch = new();
        double sum = 0;
        long targets = 0;
        for (int first = 0; first < examples.Count; first += ExamplesAtOnce)
        {
            cancel.ThrowIfCancellationRequested();
            batch.Clear();
            for (int i = first; i < Math.Min(first + ExamplesAtOnce, examples.Count); i++) batch.Add(examples[i].Tokens, examples[i].PromptLength);
            tape.Reset();
            Tensor states = model.States(tape, batch.Tokens, new Sequences(batch.SequenceStarts));
            Tensor loss = model.Loss(tape, states, batch.TargetRows, batch.TargetIds);
            sum += (double)loss.Data[0] * batch.TargetCount;
            targets += batch.TargetCount;
        }
        return new LossResult(targets == 0 ? 0 : sum / targets, targets);
    }
}
