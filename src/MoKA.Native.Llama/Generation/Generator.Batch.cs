using System.Text;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Generation;

public sealed partial class Generator
{
    /// <summary>
    /// Continues several prompts together: every step reads the weights once for all of them. Each gets the tokens it gets
    /// alone, to the bit; one that ends drops out of the following steps.
    /// </summary>
    /// <param name="prompts">At least one token each, the opening token included.</param>
    /// <param name="options">How to choose and when to stop, the same for each, seed included.</param>
    /// <param name="cancel">Ends all texts that still go on, without an exception.</param>
    /// <exception cref="MokaException">An option is out of range, or a prompt is empty or too long; it is named by its number, from 1.</exception>
    public IReadOnlyList<TokenCompletion> TokensOfMany(IReadOnlyList<int[]> prompts, GenerationOptions options, CancellationToken cancel = default)
    {
        RefuseStopStrings(options);
        Continuation[] texts = Continuations(prompts, options);
        RunTogether(texts, (_, _) => { }, cancel);
        return [.. texts.Select((text, i) => new TokenCompletion([.. text.Tokens.Skip(prompts[i].Length)], text.End!.Value))];
    }

    /// <summary>The same from text to text.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="prompts">The texts to continue.</param>
    /// <param name="options">How to choose and when to stop, the same for each, seed included.</param>
    /// <param name="cancel">Ends all texts that still go on, without an exception.</param>
    /// <exception cref="MokaException">An option is out of range, or a prompt is too long; it is named by its number, from 1.</exception>
    public IReadOnlyList<TextCompletion> TextOfMany(Tokenizer tokenizer, IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancel = default)
    {
        Continuation[] texts = Continuations([.. prompts.Select(prompt => tokenizer.Encode(prompt, addBos: true))], options);
        TextAssembler[] assemblers = [.. prompts.Select(prompt => new TextAssembler(tokenizer, options.StopStrings, continues: prompt.Length > 0))];
        StringBuilder[] shown = [.. texts.Select(_ => new StringBuilder())];
        RunTogether(texts, (i, id) =>
        {
            shown[i].Append(assemblers[i].Append(id));
            if (assemblers[i].Stopped) texts[i].End = EndReason.StopString;
        }, cancel);
        for (int i = 0; i < texts.Length; i++)
        {
            shown[i].Append(assemblers[i].Flush());
            if (assemblers[i].Stopped) texts[i].End = EndReason.StopString;
        }
        return [.. texts.Select((text, i) => new TextCompletion(shown[i].ToString(), text.Added, text.End!.Value))];
    }

    private Continuation[] Continuations(IReadOnlyList<int[]> prompts, GenerationOptions options) =>
        [.. prompts.Select((prompt, i) => new Continuation(_model.Config, prompt, options, _model.Config.MaxPositions, $"Prompt {i + 1}"))];

    private void RunTogether(Continuation[] texts, Action<int, int> taken, CancellationToken cancel)
    {
        if (texts.Any(text => text.End is null))
        {
            using KvCache cache = new(_model.Config, [.. texts.Select(text => text.MostSeen)]);
            while (texts.Any(text => text.End is null) && !cancel.IsCancellationRequested)
            {
                int[] before = [.. texts.Select(text => text.Added)];
                Step(texts, cache);
                for (int i = 0; i < texts.Length; i++)
                    if (texts[i].Added > before[i]) taken(i, texts[i].Tokens[^1]);
            }
        }
        foreach (Continuation text in texts) text.End ??= EndReason.Cancelled;
    }
}
