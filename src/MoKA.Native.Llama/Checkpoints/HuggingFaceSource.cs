using MoKA.Native.Checkpoints;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>A model in a folder as <see cref="LlamaFolder"/> describes it.</summary>
internal sealed class HuggingFaceSource(string folder) : ModelSource(folder, LlamaFolder.LoadConfig(folder))
{
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

    public override bool HasTokenizer => File.Exists(System.IO.Path.Combine(Path, TokenizerJson.FileName));

    public override IReadOnlyList<StoredTensor> Tensors()
    {
        using SafetensorsReader weights = LlamaFolder.OpenWeights(Path);
        return [.. from t in weights.Tensors.Values
                   orderby weights.PathOf(t.Name), t.Offset, t.Name
                   select new StoredTensor(t.Name, t.Type.FileName(), t.Dims, t.ByteLength)];
    }

    public override LlamaModel LoadModel() => LlamaFolder.LoadModel(Path);

    private protected override Tokenizer OwnTokenizer() => LlamaFolder.LoadTokenizer(Path, Config);
}
