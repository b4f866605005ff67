using MoKA.Native.Diagnostics;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Evaluation;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Cli.Commands;

/// <summary>Instruction records that are measured and never trained on.</summary>
internal sealed class HeldOut
{
    private readonly Tokenizer _tokenizer;
    private readonly AlpacaTemplate _template;

    /// <summary>Reads the first <paramref name="limit"/> records (0: all) and leaves out those that do not fit.</summary>
    public HeldOut(string path, Tokenizer tokenizer, AlpacaTemplate template, int maxLength, int limit)
    {
        (_tokenizer, _template) = (tokenizer, template);
        IReadOnlyList<AlpacaRecord> all = AlpacaReader.Read(path);
        List<AlpacaRecord> records = [];
        List<Example> examples = [];
        foreach (AlpacaRecord record in all.Take(limit == 0 ? all.Count : limit))
        {
            Example example = Example.Encode(tokenizer, template, record);
            if (example.ResponseLength <= 1 || example.Tokens.Length > maxLength)
            {
                Dropped++;
                continue;
            }
            records.Add(record);
            examples.Add(example);
        }
        if (records.Count == 0) throw new MokaException($"{Quoted.Plain(path)}: no record has a response and at most {maxLength} tokens; raise --max-length or check the file.");
        (Records, Examples) = (records, examples);
    }

    public IReadOnlyList<AlpacaRecord> Records { get; }

    public IReadOnlyList<Example> Examples { get; }

    public int Dropped { get; }

    public LossResult Loss(LlamaModel model, Cpu cpu, CancellationToken cancel) => LossEvaluator.Evaluate(model, Examples, cpu, cancel);

    public AnswersResult Answers(LlamaModel model, Cpu cpu, Action<int> progress, CancellationToken cancel) =>
        AnswerEvaluator.Evaluate(model, _tokenizer, _template, Records, cpu, progress, cancel);
}
