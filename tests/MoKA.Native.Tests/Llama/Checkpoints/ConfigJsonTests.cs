using System.Text;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Tests.Golden;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Llama.Checkpoints;

/// <summary>Hugging Face's config.json: what is read, what is written, and what each bad file is told.</summary>
public sealed class ConfigJsonTests : IDisposable
{
    private const string Quantizations = "quant_method bitsandbytes with load_in_4bit and nf4 or fp4, or quant_method moka with type q4_0 or q8_0.";
    private const string Sizes = """
        "model_type":"llama","vocab_size":512,"hidden_size":64,"intermediate_size":160,"num_hidden_layers":5,"num_attention_heads":8
        """;

    private const string Check = "; check that it is the config of a LLaMA model.";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AbsentKeysHaveTheirDefaults()
    {
        LlamaConfig config = Read($"{{{Sizes}}}");
        Assert.Equal((512, 64, 160, 5), (config.VocabularySize, config.HiddenSize, config.IntermediateSize, config.Layers));
        Assert.Equal((8, 8, 8, 2048), (config.Heads, config.KeyValueHeads, config.HeadDim, config.MaxPositions));
        Assert.Equal((1e-6f, 10000f, false), (config.RmsNormEpsilon, config.RopeTheta, config.TieEmbeddings));
        Assert.Equal(1, config.BosTokenId);
        Assert.Equal([2], config.EosTokenIds.ToArray());
        Assert.Equal((WeightStorage.F32, WeightStorage.F32), (config.LinearStorage, config.TableStorage));
    }

    [Fact]
    public void NullMeansAbsent()
    {
        LlamaConfig config = Read($$"""{{{Sizes}},"num_key_value_heads":null,"head_dim":null,"rope_scaling":null,"bos_token_id":null,"eos_token_id":null}""");
        Assert.Equal((8, 8), (config.KeyValueHeads, config.HeadDim));
        Assert.Null(config.BosTokenId);
        Assert.Empty(config.EosTokenIds);
    }

    [Theory]
    [InlineData("\"eos_token_id\":5", new[] { 5 })]
    [InlineData("\"eos_token_id\":[5,6,7]", new[] { 5, 6, 7 })]
    public void EndIdsAreANumberOrAList(string json, int[] expected) =>
        Assert.Equal(expected, Read($"{{{Sizes},{json}}}").EosTokenIds.ToArray());

    [Theory]
    [InlineData("\"rope_theta\":500000", 500000f)]
    [InlineData("\"rope_theta\":500000.0,\"rope_scaling\":{\"type\":\"default\"}", 500000f)]
    [InlineData("\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":1e6}", 1e6f)]
    [InlineData("\"rope_parameters\":{\"rope_type\":\"default\"}", 10000f)]
    public void BothSpellingsOfTheRotaryBase(string json, float expected) => Assert.Equal(expected, Read($"{{{Sizes},{json}}}").RopeTheta);

    [Theory]
    [InlineData("\"rope_scaling\":{\"factor\":8.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,\"original_max_position_embeddings\":8192,\"rope_type\":\"llama3\"}")]
    [InlineData("\"rope_parameters\":{\"rope_theta\":5e5,\"factor\":8,\"low_freq_factor\":1,\"high_freq_factor\":4,\"original_max_position_embeddings\":8192,\"rope_type\":\"llama3\"}")]
    public void BothSpellingsOfLlama3Scaling(string json) => Assert.Equal(new Llama3RopeScaling(8, 1, 4, 8192), Read($"{{{Sizes},{json}}}").RopeScaling);

    [Fact]
    public void TheOldestSpellingOfLinearScaling() => Assert.Equal(new LinearRopeScaling(2), Read($"{{{Sizes},\"rope_scaling\":{{\"type\":\"linear\",\"factor\":2.0}}}}").RopeScaling);

    [Theory]
    [InlineData("\"sliding_window\":null", 32768)]
    [InlineData("\"sliding_window\":4096", 4096)]
    public void AMistralIsReadAsALlamaAsFarAsItsWindow(string json, int positions)
    {
        LlamaConfig config = Read($"{{{Sizes.Replace("llama", "mistral")},\"architectures\":[\"MistralForCausalLM\"],\"max_position_embeddings\":32768,{json}}}");
        Assert.Equal(positions, config.MaxPositions);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void BiasesAreReadBack(bool attention, bool mlp)
    {
        string path = _folder.File("written.json");
        ConfigJson.Write(path, Read($"{{{Sizes},\"attention_bias\":{(attention ? "true" : "false")},\"mlp_bias\":{(mlp ? "true" : "false")}}}"));
        LlamaConfig config = ConfigJson.Read(path);
        Assert.Equal((attention, mlp), (config.AttentionBias, config.MlpBias));
        Assert.Equal((attention, mlp, attention), (config.HasBias("o"), config.HasBias("down"), config.HasBias("q")));
    }

    [Fact]
    public void ScalingIsReadBack()
    {
        foreach (RopeScaling? scaling in new RopeScaling?[] { null, new LinearRopeScaling(4), new Llama3RopeScaling(32, 1, 4, 8192) })
        {
            string path = _folder.File("written.json");
            ConfigJson.Write(path, Read($"{{{Sizes}}}") with { RopeScaling = scaling });
            Assert.Equal(scaling, ConfigJson.Read(path).RopeScaling);
        }
        LlamaConfig listed = Read($"{{{Sizes}}}") with { RopeScaling = new ListedRopeScaling([1, 2, 3, 4]) };
        Assert.Contains("listed one by one", Assert.Throws<MokaException>(() => ConfigJson.Write(_folder.File("listed.json"), listed)).Message);
    }

    [Theory]
    [InlineData("\"torch_dtype\":\"bfloat16\"", WeightStorage.BF16, WeightStorage.BF16)]
    [InlineData("\"dtype\":\"float16\"", WeightStorage.F16, WeightStorage.F16)]
    [InlineData("\"torch_dtype\":\"float64\"", WeightStorage.F32, WeightStorage.F32)]
    [InlineData("\"torch_dtype\":\"float16\",\"quantization_config\":{\"quant_method\":\"moka\",\"type\":\"q8_0\"}", WeightStorage.Q8_0, WeightStorage.F16)]
    [InlineData("\"quantization_config\":{\"quant_method\":\"bitsandbytes\",\"load_in_4bit\":true,\"bnb_4bit_quant_type\":\"nf4\"}", WeightStorage.NF4, WeightStorage.F32)]
    [InlineData("\"quantization_config\":{\"quant_method\":\"bitsandbytes\",\"_load_in_4bit\":true,\"bnb_4bit_use_double_quant\":true}", WeightStorage.FP4Double, WeightStorage.F32)]
    public void StorageIsThatOfTheTypeAndTheQuantization(string json, WeightStorage linears, WeightStorage tables)
    {
        LlamaConfig config = Read($"{{{Sizes},{json}}}");
        Assert.Equal((linears, tables), (config.LinearStorage, config.TableStorage));
    }

    [Theory]
    [InlineData(WeightStorage.F32, WeightStorage.F32)]
    [InlineData(WeightStorage.BF16, WeightStorage.BF16)]
    [InlineData(WeightStorage.Q8_0, WeightStorage.F16)]
    [InlineData(WeightStorage.NF4, WeightStorage.BF16)]
    [InlineData(WeightStorage.NF4Double, WeightStorage.F32)]
    [InlineData(WeightStorage.FP4, WeightStorage.F16)]
    [InlineData(WeightStorage.FP4Double, WeightStorage.BF16)]
    public void EveryStorageIsReadBack(WeightStorage linears, WeightStorage tables)
    {
        string path = _folder.File("storage");
        ConfigJson.Write(path, Read($"{{{Sizes}}}") with { LinearStorage = linears, TableStorage = tables });
        LlamaConfig config = ConfigJson.Read(path);
        Assert.Equal((linears, tables), (config.LinearStorage, config.TableStorage));
    }

    [Fact]
    public void WrittenConfigsReadBackToTheSameText()
    {
        LlamaConfig config = Read($"{{{Sizes}}}") with
        {
            KeyValueHeads = 2, HeadDim = 32, RmsNormEpsilon = 1e-5f, RopeTheta = 500000f, TieEmbeddings = true, BosTokenId = null,
            LinearStorage = WeightStorage.Q4_0,
        };
        foreach (int[] eos in (int[][])[[], [7], [7, 8]])
        {
            string first = _folder.File("first"), second = _folder.File("second");
            ConfigJson.Write(first, config with { EosTokenIds = [.. eos] });
            LlamaConfig read = ConfigJson.Read(first);
            ConfigJson.Write(second, read);
            Assert.Equal(File.ReadAllText(first), File.ReadAllText(second));
            Assert.Equal(config, read with { EosTokenIds = config.EosTokenIds });
            Assert.Equal(eos, read.EosTokenIds.ToArray());
        }
        Assert.Contains("\"quantization_config\": {\n    \"quant_method\": \"moka\",\n    \"type\": \"q4_0\"\n  }",
            File.ReadAllText(_folder.File("first")));
    }

    [Fact]
    public void InvalidConfigsAreNotWritten()
    {
        LlamaConfig config = Read($"{{{Sizes}}}") with { Layers = 0 };
        Assert.Equal("LLaMA config: num_hidden_layers must be from 1 to 4096, got 0" + Check,
            Assert.Throws<MokaException>(() => ConfigJson.Write(_folder.File("out"), config)).Message);
        Assert.False(File.Exists(_folder.File("out")));
    }

    [Theory]
    [InlineData("num_hidden_layers", "1000000000000000000", "num_hidden_layers must be a whole number that fits 32 bits, got 1000000000000000000")]
    [InlineData("num_hidden_layers", "1e18", "num_hidden_layers must be a whole number that fits 32 bits, got 1e18")]
    [InlineData("num_hidden_layers", "2147483647", "num_hidden_layers must be from 1 to 4096, got 2147483647")]
    [InlineData("num_hidden_layers", "2.0", "num_hidden_layers must be a whole number that fits 32 bits, got 2.0")]
    [InlineData("num_hidden_layers", "\"2\"", "num_hidden_layers must be a whole number that fits 32 bits, got \"2\"")]
    [InlineData("num_hidden_layers", "null", "must have num_hidden_layers, got nothing")]
    [InlineData("vocab_size", "0", "vocab_size must be from 1 to 16777216, got 0")]
    [InlineData("hidden_size", "-64", "hidden_size must be from 1 to 1048576, got -64")]
    [InlineData("hidden_size", "60", "hidden_size must be a multiple of num_attention_heads when head_dim is absent, got 60 and 8")]
    [InlineData("intermediate_size", "2000000000", "intermediate_size must be from 1 to 4194304, got 2000000000")]
    [InlineData("num_attention_heads", "0", "num_attention_heads must be from 1 to 8192, got 0")]
    [InlineData("num_attention_heads", "-1", "num_attention_heads must be from 1 to 8192, got -1")]
    [InlineData("num_key_value_heads", "0", "num_key_value_heads must be from 1 to 8, got 0")]
    [InlineData("num_key_value_heads", "16", "num_key_value_heads must be from 1 to 8, got 16")]
    [InlineData("num_key_value_heads", "3", "num_attention_heads must be a multiple of num_key_value_heads, got 8 and 3")]
    [InlineData("head_dim", "7", "head_dim must be even for rotary positions, got 7")]
    [InlineData("head_dim", "0", "head_dim must be from 1 to 8192, got 0")]
    [InlineData("max_position_embeddings", "0", "max_position_embeddings must be from 1 to 1073741824, got 0")]
    [InlineData("rms_norm_eps", "0", "rms_norm_eps must be between 0 and 1, got 0")]
    [InlineData("rms_norm_eps", "1e999", "rms_norm_eps must be a finite number, got 1e999")]
    [InlineData("rms_norm_eps", "\"x\"", "rms_norm_eps must be a finite number, got \"x\"")]
    [InlineData("rope_theta", "-1", "rope_theta must be from 1 to 1e12, got -1")]
    [InlineData("bos_token_id", "512", "bos_token_id must be an id below vocab_size 512, got 512")]
    [InlineData("eos_token_id", "-1", "eos_token_id must be an id below vocab_size 512, got -1")]
    [InlineData("eos_token_id", "[2,\"x\"]", "eos_token_id must be a whole number that fits 32 bits, got \"x\"")]
    [InlineData("eos_token_id", "true", "eos_token_id must be a whole number that fits 32 bits, got true")]
    [InlineData("tie_word_embeddings", "1", "tie_word_embeddings must be true or false, got 1")]
    public void EveryNumberIsChecked(string key, string value, string expected) => AssertError(With(key, value), expected + Check);

    [Theory]
    [InlineData("model_type", "\"gemma\"", "model_type \"gemma\" is not supported yet; supported is llama or mistral.")]
    [InlineData("model_type", "3", "model_type 3 is not supported yet; supported is llama or mistral.")]
    [InlineData("architectures", "[\"GemmaForCausalLM\"]", "architectures [\"GemmaForCausalLM\"] is not supported yet; supported is LlamaForCausalLM or MistralForCausalLM.")]
    [InlineData("architectures", "7", "architectures 7 is not supported yet; supported is LlamaForCausalLM or MistralForCausalLM.")]
    [InlineData("hidden_act", "\"gelu\"", "hidden_act \"gelu\" is not supported yet; supported is silu.")]
    [InlineData("attention_bias", "1", "attention_bias must be true or false, got 1" + Check)]
    [InlineData("rope_scaling", "{\"rope_type\":\"llama3\"}", "rope_scaling of rope_type \"llama3\" must have original_max_position_embeddings, got nothing; fetch the file again.")]
    [InlineData("rope_scaling", "{\"type\":\"linear\",\"factor\":0.5}", "rope_scaling: factor must be from 1 to 1e6, got 0.5" + Check)]
    [InlineData("rope_scaling", "{\"type\":\"dynamic\",\"factor\":2}", "rope_scaling.type \"dynamic\" is not supported yet; supported is default, linear or llama3.")]
    [InlineData("rope_parameters", "{\"rope_type\":\"yarn\"}", "rope_parameters.rope_type \"yarn\" is not supported yet; supported is default, linear or llama3.")]
    [InlineData("rope_scaling", "[]", "rope_scaling must be an object or null, got []; fetch the file again.")]
    [InlineData("quantization_config", "{\"quant_method\":\"gptq\"}", "quantization_config {\"quant_method\":\"gptq\"} is not supported yet; supported is " + Quantizations)]
    [InlineData("quantization_config", "{\"quant_method\":\"moka\",\"type\":\"q4_k\"}", "quantization_config {\"quant_method\":\"moka\",\"type\":\"q4_k\"} is not supported yet; supported is " + Quantizations)]
    [InlineData("quantization_config", "{\"quant_method\":\"bitsandbytes\",\"load_in_8bit\":true}", "quantization_config {\"quant_method\":\"bitsandbytes\",\"load_in_8bit\":true} is not supported yet; supported is " + Quantizations)]
    [InlineData("quantization_config", "7", "quantization_config 7 is not supported yet; supported is " + Quantizations)]
    public void WhatIsNotSupportedIsNamed(string key, string value, string expected) => AssertError(With(key, value), expected);

    [Fact]
    public void BlocksOf32NeedWholeRows() => AssertError(
        With("intermediate_size", "176").Replace("{", "{\"quantization_config\":{\"quant_method\":\"moka\",\"type\":\"q8_0\"},"),
        "intermediate_size must be a multiple of 32 for linears in Q8_0, got 176; check the config, or store them in F32, F16 or BF16.");

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{\"vocab_size\":1,\"vocab_size\":2}")]
    [InlineData("{\"model_type\":\"\\ud800\",\"hidden_size\":1,\"eos_token_id\":\"\xff\"")]
    [InlineData("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[")]
    public void NotJson(string json) => Assert.StartsWith($"{Path}: must be JSON without repeated keys, got: ", Error(json));

    [Theory]
    [InlineData("3", "must be a JSON object, got 3; fetch the file again.")]
    [InlineData("{}", "must have a model_type or architectures, got neither; check that it is a model's config.json.")]
    public void NotAConfig(string json, string expected) => AssertError(json, expected);

    [Fact]
    public void HugeAndMissingFiles()
    {
        AssertError(new string(' ', (1 << 20) + 1), "must be at most 1048576 bytes, got 1048577; check that it is the file you meant.");
        string missing = _folder.File("none");
        Assert.StartsWith($"{missing}: cannot be read (", Assert.Throws<MokaException>(() => ConfigJson.Read(missing)).Message);
    }

    [Theory]
    [InlineData("float", true)]
    [InlineData("int4", false)]
    public void GoldenConfigsAreRead(string name, bool tied)
    {
        using var file = GoldenFile.Open(name);
        LlamaConfig config = Read(file.Metadata["config"]);
        Assert.Equal(tied, config.TieEmbeddings);
        Assert.Equal(tied ? WeightStorage.F32 : WeightStorage.Q4_0, config.LinearStorage);
        Assert.Equal(config.VocabularySize, file.Entry("result.logits").Dims[1]);
    }

    [SkippableFact]
    public void RealConfigsCountTheirParameters()
    {
        Assert.Equal(260_032, ConfigJson.Read(Fixtures.Require("models/hf/stories260K/config.json")).ParameterCount);
        Assert.Equal(969_216, ConfigJson.Read(Fixtures.Require("models/hf/babyllama_tok361/config.json")).ParameterCount);
    }

    private string Path => _folder.File("config.json");

    // Replaces a size that stands in the text, or adds the key.
    private static string With(string key, string value)
    {
        IEnumerable<string> kept = Sizes.Split(',').Where(pair => !pair.StartsWith($"\"{key}\"", StringComparison.Ordinal));
        return "{" + string.Join(',', kept.Append($"\"{key}\":{value}")) + "}";
    }

    private LlamaConfig Read(string json) => ConfigJson.Read(_folder.File("config.json", Encoding.UTF8.GetBytes(json)));

    private string Error(string json) => Assert.Throws<MokaException>(() => Read(json)).Message;

    private void AssertError(string json, string expected) => Assert.Equal($"{Path}: {expected}", Error(json));
}
