using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>A model in one GGUF file, with its tokenizer and its chat template.</summary>
internal sealed class GgufSource(string path) : ModelSource(path, GgufModel.LoadConfig(path))
{
    public override string Format
    {
        get
        {
            using GgufFile file = new(Path);
            return $"GGUF, version {file.Version}";
        }
    }

    public override IReadOnlyList<string> WeightFiles => [Path];

    public override long WeightBytes => GgufModel.WeightBytes(Path);

    public override bool HasTokenizer
    {
        get
        {
            using GgufFile file = new(Path);
            return file.Metadata.Has(GgufNames.TokenModel);
        }
    }

    public override string? ChatTemplate
    {
        get
        {
            using GgufFile file = new(Path);
            return file.Metadata.Text(GgufNames.ChatTemplate);
        }
    }

    public override IReadOnlyList<StoredTensor> Tensors()
    {
        using GgufFile file = new(Path);
        return [.. file.Tensors.Values.Select(t => new StoredTensor(t.Name, t.Type.ToString(), t.Shape, t.ByteLength))];
    }

    public override LlamaModel LoadModel() => GgufModel.LoadModel(Path);

    private protected override Tokenizer OwnTokenizer()
    {
        GgufTokenizerData data = GgufModel.LoadTokenizerData(Path);
        try
        {
            // Files older than the key say nothing; theirs are all of the first kind.
            int[] types = [.. data.Types ?? Enumerable.Repeat((int)PieceType.Normal, data.Tokens.Count)];
            return data.Model switch
            {
                "llama" => SentencePieceTokenizer.Create(data.Tokens, data.Scores ?? throw new MokaException("a tokenizer of kind llama must have scores, got none; convert the model again."), types, Opening(data), data.EosId, data.UnknownId, data.AddSpacePrefix ?? true),
                "gpt2" => ByteLevelTokenizer.Create(data.Tokens, types, data.Merges ?? throw new MokaException("a tokenizer of kind gpt2 must have merges, got none; convert the model again."), data.Pre ?? "", Opening(data), data.EosId),
                _ => throw new MokaException($"the tokenizer must be of kind llama or gpt2, got {Quoted.Name(data.Model)}; give another one with its files."),
            };
        }
        catch (MokaException rule)
        {
            throw new MokaException($"{Quoted.Plain(Path)}: {rule.Message}", rule);
        }
    }

    // Whether to open texts is the tokenizer's to say: without it there is nothing to open them with.
    private static int? Opening(GgufTokenizerData data) => data.AddBos == false ? null : data.BosId;
}
