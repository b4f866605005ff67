using MoKA.Native.Checkpoints;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>A model in a folder as <see cref="LlamaFolder"/> describes it.</summary>
internal sealed class HuggingFaceSource(string folder) : ModelSource(folder, LlamaFolder.LoadConfig(folder))
{
    /// <summary>Where newer folders keep the chat template.</summary>
    public const string TemplateFile = "chat_template.jinja";

    /// <summary>What lies beside weights and config and is copied as it is.</summary>
    public static IReadOnlyList<string> Companions { get; } = ["tokenizer.json", "tokenizer_config.json", "tokenizer.model", "tokenizer.bin", "special_tokens_map.json", GenerationConfigJson.FileName, TemplateFile];

    private const int LargestTemplate = 1 << 20;

    public override string Format => "Hugging Face folder";

    public override IReadOnlyList<string> WeightFiles
    {
        get
        {
            using SafetensorsReader weights = LlamaFolder.OpenWeights(Path);
            return weights.Files;
        }
    }

    public override GenerationConfigJson? Proposal
    {
        get
        {
            string path = System.IO.Path.Combine(Path, GenerationConfigJson.FileName);
            return File.Exists(path) ? GenerationConfigJson.Read(path) : null;
        }
    }

    public override bool HasTokenizer => TokenizerFile.Find(Path) is not null;

    public override string? ChatTemplate
    {
        get
        {
            string own = System.IO.Path.Combine(Path, TemplateFile);
            return File.Exists(own) ? BoundedFile.ReadText(own, LargestTemplate) : TokenizerConfigJson.Beside(Path)?.ChatTemplate;
        }
    }

    public override IReadOnlyList<StoredTensor> Tensors()
    {
        using SafetensorsReader weights = LlamaFolder.OpenWeights(Path);
        return [.. from t in weights.Tensors.Values
                   orderby weights.PathOf(t.Name), t.Offset, t.Name
                   select new StoredTensor(t.Name, t.Type.FileName(), t.Dims, t.ByteLength)];
    }

    public override LlamaModel LoadModel() => LlamaFolder.LoadModel(Path);

    // As they are, so that other tools find what they know.
    internal override void SaveCompanions(string folder)
    {
        foreach (string name in Companions.Where(name => File.Exists(System.IO.Path.Combine(Path, name))))
            AtomicFile.Write(System.IO.Path.Combine(folder, name), stream => stream.Write(BoundedFile.Read(System.IO.Path.Combine(Path, name), int.MaxValue / 2)));
    }

    private protected override Tokenizer OwnTokenizer() => LlamaFolder.LoadTokenizer(Path, Config);
}
