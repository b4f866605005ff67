using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Data;

/// <summary>One training sequence: BOS, the prompt, the response, EOS.</summary>
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
    public static Example Encode(Tokenizer tokenizer, AlpacaTemplate template, AlpacaRecord record)
    {
        int[] prompt = tokenizer.Encode(template.Prompt(record), addBos: true);
        return new Example([.. prompt, .. tokenizer.Encode(record.Output), Tokenizer.EosId], prompt.Length);
    }
}
