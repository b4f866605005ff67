using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Generation;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Evaluation;

/// <summary>One question and what the model said.</summary>
public sealed record AnswerResult(AlpacaRecord Record, string Response, bool Correct);

/// <summary>How many answers are right.</summary>
public sealed record AnswersResult(IReadOnlyList<AnswerResult> Answers)
{
    /// <summary>How many were right.</summary>
    public int Correct => Answers.Count(a => a.Correct);

    /// <summary>The share that was right, in [0, 1].</summary>
    public double Accuracy => Answers.Count == 0 ? 0 : (double)Correct / Answers.Count;
}

/// <summary>
/// Exact answers: the model continues the prompt greedily until it ends its text, and the response must be the record's
/// answer letter by letter, white space at the ends aside.
/// </summary>
public static class AnswerEvaluator
{
    // A response that is longer than the answer is wrong; a few tokens more are enough to see that, and to show.
    private const int TokensBeyondAnswer = 8;

    /// <summary>Asks every record.</summary>
    public static AnswersResult Evaluate(LlamaModel model, Tokenizer tokenizer, AlpacaTemplate template, IReadOnlyList<AlpacaRecord> records, Cpu cpu, Action<int>? progress = null, CancellationToken cancel = default)
    {
        using Generator generator = new(model, cpu);
        List<AnswerResult> answers = [];
        foreach (AlpacaRecord record in records)
        {
            cancel.ThrowIfCancellationRequested();
            string answer = (record.Answer ?? record.Output).Trim();
            GenerationOptions options = new() { MaxTokens = tokenizer.Encode(answer).Length + TokensBeyondAnswer };
            string response = string.Concat(generator.Text(tokenizer, template.Prompt(record), options)).Trim();
            answers.Add(new AnswerResult(record, response, response == answer));
            progress?.Invoke(answers.Count);
        }
        return new AnswersResult(answers);
    }
}
