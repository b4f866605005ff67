using System.Text.Json.Nodes;
using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Nn;
using MoKA.Native.Tests.Checkpoints;
using MoKA.Native.Tests.Llama.Tokenizers;
using MoKA.Native.Tests.Quantization;
using MoKA.Native.Quantization;

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
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public void A_float_model_comes_back_with_every_bit(bool tied, bool extended)
    {
        LlamaModel model = TinyLlama.Create((extended ? TinyLlama.Extended with { VocabularySize = Config.VocabularySize } : Config) with { TieEmbeddings = tied });
        LlamaFolder.Save(_folder.Path, model, TokenizerFixtures.Small, WeightStorage.F32, WeightStorage.F32);
        LlamaModel loaded = LlamaFolder.LoadModel(_folder.Path);
        Assert.Equal(model.Config, loaded.Config with { EosTokenIds = model.Config.EosTokenIds });
        foreach ((ILinear expected, ILinear actual) in Maps(model).Zip(Maps(loaded))) Bits.Equal(Dense(expected), Dense(actual), "a matrix");
        foreach ((LlamaBlock expected, LlamaBlock actual) in model.Blocks.Zip(loaded.Blocks))
        {
            Bits.Equal(expected.AttentionNorm.Data, actual.AttentionNorm.Data, "attention norm");
            Bits.Equal(expected.MlpNorm.Data, actual.MlpNorm.Data, "mlp norm");
        }
        Bits.Equal(model.Norm.Data, loaded.Norm.Data, "norm");
        foreach ((Projection expected, Projection actual) in model.Projections.Zip(loaded.Projections)) Bits.Equal(expected.Bias is null ? [] : expected.Bias.Data, actual.Bias is null ? [] : actual.Bias.Data, expected.Name);
        // Floats stay in the file: norms and biases alone are copied.
        Assert.Equal(2 * Config.Layers + 1 + (extended ? 7 * Config.Layers : 0), loaded.Parameters.Count);
        Assert.DoesNotContain(loaded.Parameters, p => p.Trainable);
        Assert.All(Maps(loaded), map => Assert.Equal(WeightStorage.F32, Assert.IsType<FrozenLinear>(map).Weight.Storage));
        Assert.Equal(4 * model.Config.ParameterCount, loaded.WeightBytes);
        Bits.Equal(Logits(model), Logits(loaded), "logits");

        byte[] once = File.ReadAllBytes(_folder.File(LlamaFolder.WeightsFile));
        LlamaFolder.Save(_folder.Path, loaded, TokenizerFixtures.Small, WeightStorage.F32, WeightStorage.F32);
        Assert.Equal(once, File.ReadAllBytes(_folder.File(LlamaFolder.WeightsFile)));
        Assert.Equal(TokenizerFixtures.Small.Encode("a little ball"), LlamaFolder.LoadTokenizer(_folder.Path, loaded.Config).Encode("a little ball"));
    }

    [Theory]
    [MemberData(nameof(Stored.Storages), MemberType = typeof(Stored))]
    public void A_quantised_model_keeps_its_numbers_and_rounds_its_table_once(WeightStorage storage)
    {
        LlamaModel model = TinyLlama.Create(Config);
        WeightStorage tables = storage == WeightStorage.BF16 ? storage : WeightStorage.F16;
        LlamaFolder.Save(_folder.Path, model, TokenizerFixtures.Small, storage, tables);
        LlamaModel loaded = LlamaFolder.LoadModel(_folder.Path);
        Assert.Equal((storage, tables), (loaded.Config.LinearStorage, loaded.Config.TableStorage));
        foreach ((Projection expected, Projection actual) in model.Projections.Zip(loaded.Projections))
        {
            using FrozenMatrix matrix = storage.Quantize(((Linear)expected.Current).Weight.Data, expected.Out, expected.In);
            Assert.Equal(storage, ((FrozenLinear)actual.Current).Weight.Storage);
            Bits.Equal(Dense(new FrozenLinear(matrix)), Dense(actual), expected.Name);
        }
        Bits.Equal(Rounded(model.Embedding, tables), Dense(loaded.Embedding), "embedding");
        Bits.Equal(Rounded(model.Head, tables), Dense(loaded.Head), "head");
        Bits.Equal(model.Norm.Data, loaded.Norm.Data, "norm");

        byte[] once = File.ReadAllBytes(_folder.File(LlamaFolder.WeightsFile));
        LlamaFolder.Save(_folder.Path, loaded, TokenizerFixtures.Small, storage, tables);
        Assert.Equal(once, File.ReadAllBytes(_folder.File(LlamaFolder.WeightsFile)));
    }

    [Fact]
    public void A_model_in_several_files_is_the_model_in_one()
    {
        LlamaModel model = TinyLlama.Create(Config);
        LlamaFolder.Save(_folder.Path, model, TokenizerFixtures.Small, WeightStorage.NF4Double, WeightStorage.BF16);
        float[] expected = Logits(LlamaFolder.LoadModel(_folder.Path));
        // Every other tensor into another file, so that even the parts of one 4-bit weight lie apart.
        TensorFile.Split(_folder.File(LlamaFolder.WeightsFile), _folder.File(LlamaFolder.IndexFile), files: 3);
        File.Delete(_folder.File(LlamaFolder.WeightsFile));
        Bits.Equal(expected, Logits(LlamaFolder.LoadModel(_folder.Path)), "the logits from three files");
        Assert.Equal(64, LlamaFolder.Hash(_folder.Path).Length);

        File.Delete(_folder.File("shard-1"));
        ErrorLine.Of(() => LlamaFolder.LoadModel(_folder.Path), "shard-1");
    }

    [Fact]
    public void The_ids_that_end_a_text_are_those_proposed_for_generating()
    {
        Save(int4: true);
        File.WriteAllText(_folder.File(GenerationConfigJson.FileName), """{"eos_token_id":[3,4],}""");
        Assert.Equal([3, 4], LlamaFolder.LoadConfig(_folder.Path).EosTokenIds.ToArray());
        File.WriteAllText(_folder.File(GenerationConfigJson.FileName), """{"eos_token_id":400}""");
        ErrorLine.Of(() => LlamaFolder.LoadConfig(_folder.Path), GenerationConfigJson.FileName, "400");
        File.WriteAllText(_folder.File(GenerationConfigJson.FileName), "{}");
        Assert.Equal([2], LlamaFolder.LoadConfig(_folder.Path).EosTokenIds.ToArray());
    }

    [Fact]
    public void A_number_too_large_for_half_precision_is_refused_and_nothing_is_written()
    {
        LlamaModel model = TinyLlama.Create(Config);
        ((Linear)model.Embedding).Weight.Data[5] = 70000;
        ErrorLine.Of(() => LlamaFolder.Save(_folder.Path, model, TokenizerFixtures.Small, WeightStorage.F16, WeightStorage.F16), "embed_tokens", "too large", "70000");
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
                case "scale": f.PokeHalf(q, Half.NegativeInfinity); break;
                case "codes": f.Retype(q, ElementType.I8); break;
                case "integers": f.Retype(table, ElementType.I16); break;
            }
        });
        // Numbers that are not finite show when they are first used, all else when the file is opened.
        ErrorLine.Of(() => Use(LlamaFolder.LoadModel(_folder.Path)), _folder.File(LlamaFolder.WeightsFile), named);
        if (damage is not ("nan" or "scale")) ErrorLine.Of(() => LlamaFolder.LoadModel(_folder.Path), named);
    }

    [Fact]
    public void A_float_that_is_not_finite_is_named_when_it_is_used()
    {
        LlamaFolder.Save(_folder.Path, TinyLlama.Create(Config), TokenizerFixtures.Small, WeightStorage.F32, WeightStorage.F32);
        TensorFile.Edit(_folder.File(LlamaFolder.WeightsFile), f => f.PokeFloat(f.Find("layers.1.self_attn.q_proj.weight"), float.NaN));
        LlamaModel model = LlamaFolder.LoadModel(_folder.Path);
        ErrorLine.Of(() => Use(model), _folder.File(LlamaFolder.WeightsFile), "layers.1.self_attn.q_proj.weight", "finite");
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
        LlamaFolder.Save(_folder.Path, TinyLlama.Create(TinyLlama.Config), TokenizerFixtures.Small, WeightStorage.F32, WeightStorage.F32);
        ErrorLine.Of(() => LanguageModel.Load(_folder.Path, Cpus.Widest), _folder.File(TokenizerJson.FileName), "400", "23");
    }

    [Fact]
    public void A_missing_folder_is_named() => ErrorLine.Of(() => LlamaFolder.LoadModel(_folder.File("none")), _folder.File("none"));

    [Property(MaxTest = 200, Arbitrary = [typeof(Mutant.Arbitraries)])]
    public void Every_mutant_is_read_or_refused(Mutant mutant, bool ofConfig, bool nf4)
    {
        string folder = _folder.File(nf4 ? "nf4" : "q4"), path = Path.Combine(folder, ofConfig ? LlamaFolder.ConfigFile : LlamaFolder.WeightsFile);
        if (!File.Exists(path)) LlamaFolder.Save(folder, TinyLlama.Create(Config), TokenizerFixtures.Small, nf4 ? WeightStorage.NF4Double : WeightStorage.Q4_0, WeightStorage.F16);
        byte[] whole = File.ReadAllBytes(path);
        File.WriteAllBytes(path, mutant.Apply(whole));
        try
        {
            Use(LlamaFolder.LoadModel(folder));
        }
        catch (MokaException error)
        {
            Assert.Contains(folder, ErrorLine.Judge(error), StringComparison.Ordinal);
        }
        finally
        {
            File.WriteAllBytes(path, whole);
        }
    }

    private static float[] Rounded(ILinear map, WeightStorage storage) => Dense(new FrozenLinear(storage.Quantize(Dense(map), map.Out, map.In)));

    private static float[] Dense(ILinear map)
    {
        float[] weight = new float[map.Out * map.In];
        map.CopyWeight(weight);
        return weight;
    }

    private static IEnumerable<ILinear> Maps(LlamaModel model) => [model.Embedding, model.Head, .. model.Projections.Select(p => p.Current)];

    private static void Use(LlamaModel model) => Logits(model);

    private static float[] Logits(LlamaModel model)
    {
        using Tape tape = new(Cpus.Widest, gradients: false);
        return model.Logits(tape, new[] { 0, 1, 2 }, new Sequences(new[] { 0, 3 })).Data.ToArray();
    }

    private void Save(bool int4) => LlamaFolder.Save(_folder.Path, TinyLlama.Create(Config), TokenizerFixtures.Small, int4 ? WeightStorage.Q4_0 : WeightStorage.F16, WeightStorage.F16);
}
