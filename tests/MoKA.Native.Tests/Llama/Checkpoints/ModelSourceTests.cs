using MoKA.Native.Autograd;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Generation;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Checkpoints;
using MoKA.Native.Tests.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Checkpoints;

/// <summary>One way to open every format: the content decides, and everything that belongs to the model comes along.</summary>
public sealed class ModelSourceTests : IDisposable
{
    private const string Template = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}";
    private static readonly Tokenizer Pieces = TokenizerFixtures.Small;
    private static readonly LlamaConfig Config = TinyLlama.Config with { VocabularySize = Pieces.VocabularySize, MaxPositions = 64 };
    private static readonly LlamaModel Model = TinyLlama.Create(Config);
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_a_GGUF_file_and_a_file_of_llama2c_say_the_same()
    {
        LlamaFolder.Save(_folder.File("folder"), Model, Pieces, WeightStorage.F32, WeightStorage.F32);
        string gguf = _folder.File("model.any", Gguf(Model)), llama2c = _folder.File("model.bin", TinyLlama2c.Write(Model, 1));
        GenerationOptions options = new() { MaxTokens = 12 };
        string expected = LanguageModel.Load(_folder.File("folder"), Cpus.Widest).Generate("a ball", options);
        Assert.Equal(expected, LanguageModel.Load(gguf, Cpus.Widest).Generate("a ball", options));
        Assert.Equal(expected, LanguageModel.Load(llama2c, Cpus.Widest, _folder.File("folder")).Generate("a ball", options));
        Assert.Equal(["Hugging Face folder", "GGUF, version 3", "llama2.c, version 1"], new[] { _folder.File("folder"), gguf, llama2c }.Select(path => ModelSource.Open(path).Format));
        foreach (string path in new[] { _folder.File("folder"), gguf, llama2c })
        {
            ModelSource source = ModelSource.Open(path);
            Assert.Equal(64, source.Hash().Length);
            Assert.Equal(Config.ParameterCount, source.Tensors().Where(t => t.Name != "freqs_cis").Sum(t => t.Dims.Aggregate(1L, (p, d) => p * d)));
            Assert.True(source.WeightBytes >= 4 * Config.ParameterCount);
        }
    }

    [Fact]
    public void A_model_without_a_tokenizer_asks_for_one()
    {
        ModelSource source = ModelSource.Open(_folder.File("model.bin", TinyLlama2c.Write(Model, 0)));
        Assert.False(source.HasTokenizer);
        ErrorLine.Of(() => source.LoadTokenizer(), "--tokenizer", "model.bin");
        ErrorLine.Of(() => LanguageModel.Load(_folder.File("model.bin"), Cpus.Widest, _folder.File("none")), "none");
    }

    [Fact]
    public void The_chat_template_is_found_wherever_it_lies()
    {
        Assert.Equal(Template, ModelSource.Open(_folder.File("t.gguf", Gguf(Model))).ChatTemplate);
        LlamaFolder.Save(_folder.File("folder"), Model, Pieces, WeightStorage.F32, WeightStorage.F32);
        Assert.Null(ModelSource.Open(_folder.File("folder")).ChatTemplate);
        File.WriteAllText(Path.Combine(_folder.File("folder"), "chat_template.jinja"), Template);
        Assert.Equal(Template, ModelSource.Open(_folder.File("folder")).ChatTemplate);
    }

    [Fact]
    public void A_quantised_GGUF_model_becomes_a_folder_with_all_that_belongs_to_it()
    {
        ModelSource source = ModelSource.Open(_folder.File("t.gguf", Gguf(TinyLlama.Create(Config, int4: true))));
        int quantised = 0;
        new ModelQuantizer(source, WeightStorage.NF4, WeightStorage.F32).Write(_folder.File("out"), _ => quantised++);
        ModelSource written = ModelSource.Open(_folder.File("out"));
        Assert.Equal(7 * Config.Layers, quantised);
        Assert.Equal((WeightStorage.NF4, Template), (written.Config.LinearStorage, written.ChatTemplate));
        Assert.Equal(Pieces.Encode("a little ball"), written.LoadTokenizer().Encode("a little ball"));

        // Stored so already, the codes are copied.
        new ModelQuantizer(source, WeightStorage.Q4_0, WeightStorage.F32).Write(_folder.File("same"), _ => Assert.Fail("nothing is left to quantise"));
        float[] Logits(ModelSource from)
        {
            using Tape tape = new(Cpus.Widest, gradients: false);
            return from.LoadModel().Logits(tape, new[] { 1, 2, 3 }, new Sequences(new[] { 0, 3 })).Data.ToArray();
        }
        Bits.Equal(Logits(source), Logits(ModelSource.Open(_folder.File("same"))), "the logits");
    }

    [Fact]
    public void Divisors_that_come_from_a_rule_become_the_rule_again()
    {
        // LLaMA-3.1-8B's, as a converter writes them.
        Llama3RopeScaling rule = new(8, 1, 4, 8192);
        ListedRopeScaling listed = new([.. Enumerable.Range(0, 64).Select(i => (float)(Math.Pow(500_000, -2.0 * i / 128) / rule.Scale(i, Math.Pow(500_000, -2.0 * i / 128))))]);
        Assert.Equal(rule, listed.AsLlama3(128, 500_000));
        Assert.Null(listed.AsLlama3(128, 10_000));
        Assert.Null(listed.AsLlama3(64, 500_000));
    }

    [Fact]
    public void What_is_not_there_is_named() => ErrorLine.Of(() => ModelSource.Open(_folder.File("nowhere")), "nowhere", "no such folder or file", "GGUF");

    [Fact]
    public void Pickled_weights_are_refused_with_the_way_out()
    {
        LlamaFolder.Save(_folder.Path, Model, Pieces, WeightStorage.F32, WeightStorage.F32);
        File.Move(_folder.File(LlamaFolder.WeightsFile), _folder.File("pytorch_model.bin"));
        ErrorLine.Of(() => ModelSource.Open(_folder.Path).LoadModel(), "pytorch_model.bin", "safetensors");
    }

    [Fact]
    public void Weights_alone_are_no_model()
    {
        LlamaFolder.Save(_folder.File("folder"), Model, Pieces, WeightStorage.F32, WeightStorage.F32);
        ErrorLine.Of(() => ModelSource.Open(Path.Combine(_folder.File("folder"), LlamaFolder.WeightsFile)), "no model", LlamaFolder.ConfigFile);
        ErrorLine.Of(() => ModelSource.Open(_folder.File("text.txt", "just some text that is no model at all, whatever it says"u8)), "llama2.c");
        ErrorLine.Of(() => ModelSource.Open(_folder.File("empty", [])), "empty");
    }

    private static byte[] Gguf(LlamaModel model)
    {
        SentencePieceTokenizer pieces = (SentencePieceTokenizer)Pieces;
        int[] types = [.. Enumerable.Range(0, pieces.VocabularySize).Select(id => id == 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1)];
        return TinyGguf.Metadata(model.Config).Add("tokenizer.ggml.model", "llama").Add("tokenizer.ggml.tokens", [.. Enumerable.Range(0, pieces.VocabularySize).Select(pieces.Piece)])
            .Add("tokenizer.ggml.scores", [.. Enumerable.Range(0, pieces.VocabularySize).Select(pieces.Score)]).Add("tokenizer.ggml.token_type", types)
            .Add("tokenizer.chat_template", Template).Tensors(model).ToArray();
    }
}
