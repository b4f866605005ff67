using System.Text.Json;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>
/// Hugging Face's <c>tokenizer.json</c>: BPE in SentencePiece's style (LLaMA-1 and LLaMA-2) or over bytes (LLaMA-3, GPT-2,
/// SmolLM). What it would not encode exactly as its makers do, it refuses by name.
/// </summary>
public static partial class TokenizerJson
{
    /// <summary>The file name inside a model folder.</summary>
    public const string FileName = "tokenizer.json";

    internal const int MaxFileBytes = 64 << 20;

    /// <summary>
    /// Reads a tokenizer from a file, or from <c>tokenizer.json</c> of a folder. BOS and EOS are those that
    /// <c>tokenizer_config.json</c> beside it names, else BOS is what the file's post-processor puts first, else both go by
    /// the names that LLaMA and GPT-2 gave them.
    /// </summary>
    /// <exception cref="MokaException">The file is missing, damaged, or another kind of tokenizer.</exception>
    public static Tokenizer Load(string path)
    {
        string file = Directory.Exists(path) ? Path.Combine(path, FileName) : path;
        return Parse(BoundedFile.ReadUtf8(file, MaxFileBytes), file, TokenizerConfigJson.Beside(file));
    }

    internal static Tokenizer Parse(ReadOnlyMemory<byte> json, string name, TokenizerConfigJson? config = null)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return new TokenizerJsonReader(document.RootElement, config).Read();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string of the file is not valid Unicode.
            throw new MokaException($"{Quoted.Plain(name)}: is not valid JSON ({Quoted.Plain(e.Message)}); fetch the file again.", e);
        }
        catch (MokaException e)
        {
            throw new MokaException($"{Quoted.Plain(name)}: {e.Message}", e);
        }
    }
}
