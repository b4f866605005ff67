using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Llama.Generation;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Llama.Checkpoints.Export;

/// <summary>Trained models, exported, beside the GGUF files that llama.cpp's own tools made of the same weights.</summary>
public sealed class PublishedExportTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableTheory]
    [InlineData("stories260K", "stories260K.f32", WeightStorage.F32)]
    [InlineData("stories260K", "stories260K.F16", WeightStorage.F16)]
    [InlineData("babyllama_tok361", "babyllama_tok361.f32", WeightStorage.F32)]
    [InlineData("babyllama_tok361", "babyllama_tok361.BF16", WeightStorage.BF16)]
    [InlineData("babyllama_tok361", "babyllama_tok361.Q4_0", WeightStorage.Q4_0)]
    [InlineData("babyllama_tok361", "babyllama_tok361.Q8_0", WeightStorage.Q8_0)]
    public void Tensors_of_the_same_type_have_the_same_bytes(string folder, string gguf, WeightStorage storage)
    {
        ModelSource source = ModelSource.Open(Fixtures.Require($"models/hf/{folder}"));
        new GgufExport(source, source.LoadModel(), storage).Write(_folder.File("m.gguf"));
        using GgufFile theirs = new(Fixtures.Require($"models/gguf/{gguf}.gguf")), ours = new(_folder.File("m.gguf"));
        int alike = 0;
        foreach ((string name, GgufTensor tensor) in ours.Tensors)
        {
            GgufTensor other = theirs.Tensor(name);
            Assert.Equal(other.Shape.ToArray(), tensor.Shape.ToArray());
            if (other.Type != tensor.Type) continue;
            Assert.True(theirs.Bytes(name).SequenceEqual(ours.Bytes(name)), name);
            alike++;
        }
        // All but the token table and the head, which tools store in finer types of their own choice.
        Assert.InRange(alike, ours.Tensors.Count - 2, ours.Tensors.Count);
    }

    [SkippableTheory]
    [InlineData("stories260K.bin", "tok512.bin")]
    [InlineData("babyllama_tok361.bin", "tok361.bin")]
    public void A_file_of_llama2c_speaks_on_as_GGUF_and_as_a_folder(string model, string tokenizer)
    {
        ModelSource source = ModelSource.Open(Fixtures.Require($"models/llama2c/{model}"));
        string words = Fixtures.Require($"models/llama2c/{tokenizer}");
        new GgufExport(source, source.LoadModel(), WeightStorage.F32, source.LoadTokenizer(words)).Write(_folder.File("m.gguf"));
        new ModelMerger(source, source.LoadModel(), WeightStorage.F32, source.LoadTokenizer(words)).Write(_folder.File("folder"));
        GenerationOptions options = new() { MaxTokens = 60 };
        string expected = LanguageModel.Load(source.Path, Cpus.Widest, words).Generate("Once upon a time", options);
        Assert.NotEmpty(expected);
        Assert.Equal(expected, LanguageModel.Load(_folder.File("m.gguf"), Cpus.Widest).Generate("Once upon a time", options));
        Assert.Equal(expected, LanguageModel.Load(_folder.File("folder"), Cpus.Widest).Generate("Once upon a time", options));
    }
}
