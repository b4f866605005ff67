using System.Text.Json.Nodes;
using FsCheck.Xunit;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Nn;
using MoKA.Native.Tests.Checkpoints;
using MoKA.Native.Tests.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Checkpoints;

/// <summary>A model's folder: exact when whole, refused in one line that names the file when not.</summary>
public sealed class LlamaFolderTests : IDisposable
{
    private static readonly LlamaConfig Config = TinyLlama.Config with { VocabularySize = TokenizerFixtures.Small.VocabularySize };
    private readonly TempFolder _folder = new();

    public static TheoryData<string, string> BadWeights => new()
    {
        { "missing", "input_layernorm" },
        { "extra", "no part" },
        { "transposed", "up_proj" },
        { "flat", "norm" },
        { "nan", "finite" },
        { "infinite", "finite" },
        { "scale", "finite" },
        { "codes", "U8" },
        { "integers", "must be F32" },
    };

    public static TheoryData<string, string> BadConfigs => new()
    {
        { "num_hidden_layers", "3" },
        { "num_hidden_layers", "1" },
        { "hidden_size", "64" },
        { "vocab_size", "401" },
        { "vocab_size", "16777216" },
        { "intermediate_size", "32" },
        { "max_position_embeddings", "1073741824" },
        { "num_attention_heads", "0" },
        { "head_dim", "16" },
        { "hidden_size", "null" },
        { "quantization_config", "null" },
        { "model_type", "\"gpt2\"" },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_float_model_comes_back_with_every_bit(bool tied)
    {
        LlamaModel model = TinyLlama.Create(Config with { TieEmbeddings = tied });
        LlamaFolder.Save(_folder.Path, model, TokenizerFixtures.Small, int4: false, halfPrecision: false);
        LlamaModel loaded = LlamaFolder.LoadModel(_folder.Path);
        Assert.Equal(model.Config, loaded.Config with { EosTokenIds = model.Config.EosTokenIds });
        foreach ((Parameter expected, Parameter actual) in model.Parameters.Zip(loaded.Parameters))
        {
            Bits.Equal(expected.Data, actual.Data, expected.Name);
            Assert.False(actual.Trainable);
        }
        Assert.Equal(model.Parameters.Count, loaded.Parameters.Count);
        Assert.Equal(TokenizerFixtures.Small.Encode("a little ball"), LlamaFolder.LoadTokenizer(_folder.Path, loaded.Config).Encode("a little ball"));
    }

    [Fact]
    public void An_int4_model_keeps_codes_and_scales_and_rounds_its_table_once()
    {
        LlamaModel model = TinyLlama.Create(Config, int4: true);
        LlamaFolder.Save(_folder.Path, model, TokenizerFixtures.Small, int4: true, halfPrecision: true);
        LlamaModel loaded = LlamaFolder.LoadModel(_folder.Path);
        foreach ((Projection expected, Projection actual) in model.Projections.Zip(loaded.Projections))
        {
            QuantizedLinear before = (QuantizedLinear)expected.Current, after = (QuantizedLinear)actual.Current;
            Assert.True(before.Weight.Codes.SequenceEqual(after.Weight.Codes));
            Bits.Equal(before.Weight.Scales, after.Weight.Scales, expected.Name);
        }
        Bits.Equal(Rounded(model.Embedding), loaded.Embedding.Data, "embedding");
        Bits.Equal(Rounded(((Linear)model.Head).Weight), ((Linear)loaded.Head).Weight.Data, "head");
        Bits.Equal(model.Norm.Data, loaded.Norm.Data, "norm");

        byte[] once = File.ReadAllBytes(_folder.File(LlamaFolder.WeightsFile));
        LlamaFolder.Save(_folder.Path, loaded, TokenizerFixtures.Small, int4: true, halfPrecision: true);
        Assert.Equal(once, File.ReadAllBytes(_folder.File(LlamaFolder.WeightsFile)));
    }

    [Fact]
    public void A_number_too_large_for_half_precision_is_refused_and_nothing_is_written()
    {
        LlamaModel model = TinyLlama.Create(Config);
        model.Embedding.Data[5] = 70000;
        ErrorLine.Of(() => LlamaFolder.Save(_folder.Path, model, TokenizerFixtures.Small, int4: false, halfPrecision: true), "embed_tokens", "70000");
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Theory]
    [MemberData(nameof(BadWeights))]
    public void Bad_weights_are_named(string damage, string named)
    {
        Save(int4: true);
        TensorFile.Edit(_folder.File(LlamaFolder.WeightsFile), f =>
        {
            string q = f.Find("q_proj.weight"), table = f.Find("embed_tokens.weight");
            switch (damage)
            {
                case "missing": f.Remove(f.Find("input_layernorm.weight")); break;
                case "extra": f.Add("model.layers.2.\u001b[2J", ElementType.F32, [1], new byte[4]); break;
                case "transposed": f.Transpose(f.Find("up_proj.weight")); break;
                case "flat": f.Reshape(f.Find("model.norm.weight"), 32, 1); break;
                case "nan": f.PokeHalf(table, Half.NaN); break;
                case "infinite": f.PokeFloat(f.Find("model.norm.weight"), float.PositiveInfinity); break;
                case "scale": f.PokeHalf(q + ".scales", Half.NegativeInfinity); break;
                case "codes": f.Retype(q, ElementType.I8); break;
                case "integers": f.Retype(table, ElementType.I16); break;
            }
        });
        ErrorLine.Of(() => LlamaFolder.LoadModel(_folder.Path), _folder.File(LlamaFolder.WeightsFile), named);
    }

    [Theory]
    [MemberData(nameof(BadConfigs))]
    public void A_config_that_does_not_fit_the_weights_is_named(string field, string value)
    {
        Save(int4: true);
        JsonNode root = JsonNode.Parse(File.ReadAllText(_folder.File(LlamaFolder.ConfigFile)))!;
        root[field] = JsonNode.Parse(value);
        File.WriteAllText(_folder.File(LlamaFolder.ConfigFile), root.ToJsonString());
        ErrorLine.Of(() => LlamaFolder.LoadModel(_folder.Path), _folder.Path);
    }

    [Theory]
    [InlineData(LlamaFolder.ConfigFile)]
    [InlineData(LlamaFolder.WeightsFile)]
    [InlineData(TokenizerJson.FileName)]
    public void A_missing_or_cut_file_is_named(string name)
    {
        Save(int4: true);
        string path = _folder.File(name);
        byte[] whole = File.ReadAllBytes(path);
        foreach (int length in (int[])[0, 1, 7, whole.Length / 2, whole.Length - 2])
        {
            File.WriteAllBytes(path, whole[..length]);
            ErrorLine.Of(() => LanguageModel.Load(_folder.Path, Cpus.Widest), path);
        }
        File.Delete(path);
        ErrorLine.Of(() => LanguageModel.Load(_folder.Path, Cpus.Widest), path, "missing");
    }

    [Fact]
    public void A_tokenizer_of_more_ids_than_the_model_is_refused()
    {
        LlamaFolder.Save(_folder.Path, TinyLlama.Create(TinyLlama.Config), TokenizerFixtures.Small, int4: false, halfPrecision: false);
        ErrorLine.Of(() => LanguageModel.Load(_folder.Path, Cpus.Widest), _folder.File(TokenizerJson.FileName), "400", "23");
    }

    [Fact]
    public void A_missing_folder_is_named() => ErrorLine.Of(() => LlamaFolder.LoadModel(_folder.File("none")), _folder.File("none"));

    [Property(MaxTest = 200, Arbitrary = [typeof(Mutant.Arbitraries)])]
    public void Every_mutant_is_read_or_refused(Mutant mutant, bool ofConfig)
    {
        string path = _folder.File(ofConfig ? LlamaFolder.ConfigFile : LlamaFolder.WeightsFile);
        if (!File.Exists(path)) Save(int4: true);
        byte[] whole = File.ReadAllBytes(path);
        File.WriteAllBytes(path, mutant.Apply(whole));
        try
        {
            LlamaFolder.LoadModel(_folder.Path);
        }
        catch (MokaException error)
        {
            Assert.Contains(_folder.Path, ErrorLine.Judge(error), StringComparison.Ordinal);
        }
        finally
        {
            File.WriteAllBytes(path, whole);
        }
    }

    private static float[] Rounded(Parameter parameter) => [.. parameter.Data.ToArray().Select(x => (float)(Half)x)];

    private void Save(bool int4) => LlamaFolder.Save(_folder.Path, TinyLlama.Create(Config), TokenizerFixtures.Small, int4, halfPrecision: true);
}
