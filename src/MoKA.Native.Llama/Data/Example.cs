using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Data;

/// <summary>One training sequence: BOS where the tokenizer has one, the prompt, the response, EOS.</summary>
/// <param name="Tokens">[length] ids.</param>
/// <param name="PromptLength">How many leading ids, BOS among them, are given and not learnt.</param>
public sealed record Example(int[] Tokens, int PromptLength)
{
    /// <summary>The number of ids of the response, EOS among them.</summary>
    public int ResponseLength => Tokens.Length - PromptLength;

    /// <summary>
    /// Encodes a record. Prompt and response are encoded apart, so the prompt has the same ids as when the model is
    /// asked, and a word that begins the response is spelt as the same word after a space.
    /// </summary>
    /// <exception cref="MokaException">The tokenizer has no EOS, so a model could not learn to stop.</exception>
    public static Example Encode(Tokenizer tokenizer, AlpacaTemplate template, AlpacaRecord record)
    {
        if (tokenizer.EosId is not { } eos) throw new MokaException("Example: a response must end with an EOS token, the tokenizer names none; name one as eos_token in tokenizer_config.json.");
        int[] prompt = tokenizer.Encode(template.Prompt(record), addBos: true);
        return new Example([.. prompt, .. tokenizer.Encode(record.Output), eos], prompt.Length);
    }
}
