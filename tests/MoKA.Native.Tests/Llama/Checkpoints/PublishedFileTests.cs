using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text.Json;
using MoKA.Native.Autograd;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Llama.Checkpoints;

/// <summary>Trained models in the files that others published, against PyTorch's numbers and llama.cpp's; skipped where they are absent.</summary>
public sealed class PublishedFileTests
{
    [SkippableTheory]
    [InlineData("babyllama_tok361.Q4_0")]
    [InlineData("babyllama_tok361.Q4_1")]
    [InlineData("babyllama_tok361.Q5_0")]
    [InlineData("babyllama_tok361.Q8_0")]
    [InlineData("stories260K.Q4_K_M")]
    [InlineData("stories260K.Q6_K")]
    public void Every_tensor_is_decoded_as_llama_cpp_decodes_it(string name)
    {
        using GgufFile quantized = new(Fixtures.Require($"models/gguf/{name}.gguf")), floats = new(Fixtures.Require($"models/gguf/dequant/{name}.to_f32.gguf"));
        Assert.Equal(quantized.Tensors.Count, floats.Tensors.Count);
        foreach (GgufTensor tensor in quantized.Tensors.Values)
        {
            Assert.Equal(tensor.Dims.AsEnumerable(), floats.Tensor(tensor.Name).Dims);
            float[] actual = new float[tensor.ElementCount];
            if (tensor.Dims.Length == 1) quantized.ReadVector(tensor.Name, actual);
            else using (FrozenMatrix matrix = quantized.ReadMatrix(tensor.Name, (int)tensor.Dims[1], (int)tensor.Dims[0])) matrix.Dequantize(actual);
            Bits.Equal(MemoryMarshal.Cast<byte, float>(floats.Bytes(tensor.Name)), actual, tensor.Name);
        }
    }

    [SkippableTheory]
    [InlineData("llama2c/stories260K.bin")]
    [InlineData("llama2c/stories260K_v1.bin")]
    [InlineData("llama2c/babyllama_tok361.bin")]
    [InlineData("gguf/stories260K.f32.gguf")]
    [InlineData("gguf/babyllama_tok361.f32.gguf")]
    [InlineData("hf/stories260K")]
    [InlineData("hf/stories260K-sharded")]
    [InlineData("hf/babyllama_tok361")]
    public void Floats_give_the_logits_the_losses_and_the_text_of_PyTorch(string file)
    {
        Reference reference = new(file);
        Assert.True(reference.Positions >= 128);
        Assert.InRange(reference.LargestError(), 0, 1e-4);
        double mean = 0, expected = 0;
        for (int t = 0; t + 1 < reference.Positions; t++) (mean, expected) = (mean + reference.Loss(t), expected + reference.ExpectedLoss(t));
        Assert.InRange(Math.Abs(mean - expected) / (reference.Positions - 1), 0, 1e-5);
        if (reference.Positions == reference.PromptLength) Assert.Equal(reference.MeanLoss, mean / (reference.Positions - 1), 1e-5);
        Assert.Equal(reference.GreedyIds[1..], reference.Greedy());
    }

    // The largest distance of a logit, which range over some 30; the mean loss of the same files in llama.cpp moves as little.
    [SkippableTheory]
    [InlineData("gguf/stories260K.F16.gguf", 0.05, 0.001)]
    [InlineData("gguf/stories260K.Q6_K.gguf", 0.5, 0.01)]
    [InlineData("gguf/stories260K.Q4_K_M.gguf", 4, 0.05)]
    [InlineData("gguf/babyllama_tok361.BF16.gguf", 0.5, 0.01)]
    [InlineData("gguf/babyllama_tok361.Q8_0.gguf", 0.5, 0.01)]
    [InlineData("gguf/babyllama_tok361.Q5_0.gguf", 3, 0.05)]
    [InlineData("gguf/babyllama_tok361.Q4_1.gguf", 8, 0.1)]
    [InlineData("gguf/babyllama_tok361.Q4_0.gguf", 6, 0.1)]
    [InlineData("llama2c/babyllama_tok361.v2_q80_gs32.bin", 0.5, 0.01)]
    public void Fewer_bits_give_logits_near_those(string file, double largest, double loss)
    {
        Reference reference = new(file);
        Assert.All(reference.Logits, x => Assert.True(float.IsFinite(x)));
        Assert.InRange(reference.LargestError(), 1e-5, largest);
        double difference = Enumerable.Range(0, reference.Positions - 1).Average(t => reference.Loss(t) - reference.ExpectedLoss(t));
        Assert.InRange(difference, -loss, loss);
    }

    [SkippableFact]
    public void Thirty_two_thousand_tokens_come_back()
    {
        string path = Fixtures.Require("models/gguf/llama-2-tiny-random.gguf");
        GgufTokenizerData data = GgufModel.LoadTokenizerData(path);
        Assert.Equal(("llama", 32000, 32000, 32000), (data.Model, data.Tokens.Count, data.Scores!.Count, data.Types!.Count));
        Assert.Equal(("<unk>", "<0x00>", "▁▁", -1e9), (data.Tokens[0], data.Tokens[3], data.Tokens[259], Math.Min(data.Scores[259], -1e9)));
        LlamaModel model = GgufModel.LoadModel(path);
        Assert.Equal((4096, 2, WeightStorage.F16, WeightStorage.F16), (model.Config.MaxPositions, model.Config.Heads, model.Config.LinearStorage, model.Config.TableStorage));
        using Tape tape = new(Cpus.Widest, gradients: false);
        Assert.All(model.Logits(tape, new[] { 1, 31999 }, new Sequences(new[] { 0, 2 })).Data.ToArray(), x => Assert.True(float.IsFinite(x)));
    }

    private sealed class Reference
    {
        private readonly LlamaModel _model;
        private readonly JsonElement _root;
        private readonly int[] _ids;
        private readonly float[] _expected;

        public Reference(string file)
        {
            string path = Fixtures.Require("models/" + file), name = Path.GetFileName(file).Split('.')[0].Replace("_v1", "", StringComparison.Ordinal).Replace("-sharded", "", StringComparison.Ordinal);
            _model = ModelSource.Open(path).LoadModel();
            using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Fixtures.Require($"ref/{name}.ref.json")));
            _root = json.RootElement.Clone();
            _ids = Ids("prompt_ids");
            PromptLength = _ids.Length;
            _ids = _ids[..Positions];
            _expected = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Fixtures.Require($"ref/{name}.logits.f32")))[..(Positions * Vocabulary)].ToArray();
            Logits = Compute(_ids);
        }

        public int PromptLength { get; }

        /// <summary>As many as the prompt has and the file says the model can hold.</summary>
        public int Positions => Math.Min(PromptLength, _model.Config.MaxPositions);

        public float[] Logits { get; }

        public double MeanLoss => _root.GetProperty("mean_nll").GetDouble();

        public int[] GreedyIds => Ids("greedy_ids_from_bos")[..Math.Min(Ids("greedy_ids_from_bos").Length, _model.Config.MaxPositions)];

        private int Vocabulary => _model.Config.VocabularySize;

        public double LargestError() => Enumerable.Range(0, Logits.Length).Max(i => Math.Abs(Logits[i] - (double)_expected[i]));

        public double ExpectedLoss(int t) => _root.GetProperty("nll")[t].GetDouble();

        public double Loss(int t)
        {
            double[] row = [.. Logits.Skip(t * Vocabulary).Take(Vocabulary).Select(x => (double)x)];
            return Math.Log(row.Sum(x => Math.Exp(x - row.Max()))) + row.Max() - row[_ids[t + 1]];
        }

        /// <summary>The most likely id behind every id of the greedy text: the text itself, if it is the model's.</summary>
        public int[] Greedy()
        {
            float[] logits = Compute(GreedyIds);
            return [.. Enumerable.Range(0, GreedyIds.Length - 1).Select(t => TensorPrimitives.IndexOfMax<float>(logits.AsSpan(t * Vocabulary, Vocabulary)))];
        }

        private float[] Compute(int[] ids)
        {
            using Tape tape = new(Cpus.Widest, gradients: false);
            return _model.Logits(tape, ids, new Sequences(new[] { 0, ids.Length })).Data.ToArray();
        }

        private int[] Ids(string key) => [.. _root.GetProperty(key).EnumerateArray().Select(id => id.GetInt32())];
    }
}
