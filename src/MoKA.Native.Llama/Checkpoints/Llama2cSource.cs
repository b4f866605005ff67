using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>A model in one file of llama2.c. Its tokenizer is a file of its own, which may lie beside it as tokenizer.bin.</summary>
internal sealed class Llama2cSource(string path) : ModelSource(path, Llama2cModel.LoadConfig(path))
{
    public override string Format => $"llama2.c, version {Llama2cModel.Version(Path)}";

    public override IReadOnlyList<string> WeightFiles => [Path];

    public override long WeightBytes => Llama2cModel.WeightBytes(Path);

    public override bool HasTokenizer => File.Exists(Beside);

    public override IReadOnlyList<StoredTensor> Tensors() => Llama2cModel.Tensors(Path);

    public override LlamaModel LoadModel() => Llama2cModel.LoadModel(Path);

    private string Beside => System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path)) ?? "", "tokenizer.bin");

    private protected override Tokenizer OwnTokenizer() => HasTokenizer
        ? TokenizerFile.Load(Beside, Config.VocabularySize)
        : throw new MokaException($"{Quoted.Plain(Path)}: a file of llama2.c has no tokenizer in it, and there is no {Quoted.Plain(Beside)}; give one with --tokenizer.");
}
