using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Checkpoints;

namespace MoKA.Native.Tests.Llama.Checkpoints;

/// <summary>A model written as llama2.c's files gives, to the bit, the logits of the model that was written; damaged files are read or refused.</summary>
public sealed class Llama2cModelTests : IDisposable
{
    private const int Mutants = 10_000;
    private static readonly LlamaModel Small = TinyLlama.Create(TinyLlama.Config with { VocabularySize = 4, HiddenSize = 16, IntermediateSize = 20, HeadDim = 4, Layers = 1, MaxPositions = 3 });
    private static readonly byte[][] Whole = [.. Enumerable.Range(0, 3).Select(version => TinyLlama2c.Write(Small, version))];
    private static readonly int[] Tokens = [1, 5, 9, 0, 22, 3, 3];
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0, false)]
    [InlineData(0, true)]
    [InlineData(1, false)]
    [InlineData(1, true)]
    public void Floats(int version, bool tied)
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config with { TieEmbeddings = tied });
        LlamaModel loaded = Load(TinyLlama2c.Write(model, version));
        Assert.Equal(model.Config, loaded.Config with { EosTokenIds = model.Config.EosTokenIds });
        Bits.Equal(Logits(model), Logits(loaded), "logits");
        Assert.Equal(4 * model.Config.ParameterCount, loaded.WeightBytes);
        Assert.Equal(loaded.WeightBytes, Llama2cModel.WeightBytes(_folder.File("m.bin")));
        Assert.All(loaded.Projections, p => Assert.IsType<FloatMatrix>(((FrozenLinear)p.Current).Weight));
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(_folder.File("m.bin")))), Llama2cModel.Hash(_folder.File("m.bin")));
    }

    [Theory]
    [InlineData(false, 64)]
    [InlineData(true, 64)]
    [InlineData(true, 40)] // rows of the last map are no whole groups
    public void Bytes(bool tied, int intermediate)
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config with { TieEmbeddings = tied, IntermediateSize = intermediate });
        // Rows of queries and keys are whole groups, so rounding them in one order or the other is the same.
        LlamaModel rounded = new(model.Config, new TurnedWeights(model, (_, weights, outputs, inputs) => new Linear(Draw.Parameter(new Shape(outputs, inputs), TinyLlama2c.Rounded(weights)))));
        LlamaModel loaded = Load(TinyLlama2c.Write(model, version: 2));
        Assert.Equal((WeightStorage.Other, WeightStorage.Other, tied), (loaded.Config.LinearStorage, loaded.Config.TableStorage, loaded.Config.TieEmbeddings));
        Bits.Equal(Logits(rounded), Logits(loaded), "logits");
        Assert.All(loaded.Projections, p => Assert.Equal(TinyLlama2c.Group, ((GroupedInt8Matrix)((FrozenLinear)p.Current).Weight).GroupSize));
        Assert.Equal(loaded.WeightBytes, Llama2cModel.WeightBytes(_folder.File("m.bin")));
        Assert.Equal(File.ReadAllBytes(_folder.File("m.bin")).Length - 256, loaded.WeightBytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Files_that_are_too_short_or_too_long_are_refused(int version)
    {
        byte[] whole = Whole[version];
        Assert.Equal(4, Load(whole).Config.VocabularySize);
        for (int length = 0; length < whole.Length; length += length < 300 ? 1 : 37) Refused(whole[..length]);
        Refused([.. whole, 0], $"must have {whole.Length} bytes, got {whole.Length + 1}");
    }

    [Fact]
    public void Sizes_that_break_a_rule_are_named()
    {
        void Poke(int version, int at, int value, string named)
        {
            byte[] file = [.. Whole[version]];
            BitConverter.GetBytes(value).CopyTo(file, at);
            Refused(file, named);
        }
        Poke(1, 4, 3, "version 0, 1 or 2, got 3");
        Poke(1, 4, 0, "got 0");
        Poke(0, 0, 0x616B3433, "llama2.c");
        Poke(0, 0, 18, "dim must be a multiple of heads, got 18 and 4");
        Poke(0, 12, 0, "heads");
        Poke(0, 12, -4, "heads");
        Poke(0, 8, 5000, "num_hidden_layers");
        Poke(0, 16, 3, "num_key_value_heads");
        Poke(0, 20, 0, "vocab_size");
        Poke(0, 20, int.MinValue, "vocab_size");
        Poke(0, 20, int.MaxValue, "vocab_size");
        Poke(1, 28, -4, "vocab_size");
        Poke(0, 24, int.MaxValue, "max_position_embeddings");
        Poke(1, 36, 2, "0 or 1, got 2");
        Poke(2, 37, 0, "group size, got 16 and 0");
        Poke(2, 37, -16, "group size");
        Poke(2, 37, 3, "group size, got 16 and 3");
    }

    [Theory]
    [InlineData(0, 28)]
    [InlineData(1, 256 + 4 * (16 + 16 + 16))]
    public void Weights_that_are_not_finite_are_named_when_they_are_used(int version, int tableAt)
    {
        byte[] file = [.. Whole[version]];
        BitConverter.GetBytes(float.NaN).CopyTo(file, tableAt);
        LlamaModel model = Load(file);
        ErrorLine.Of(() => Use(model), _folder.File("m.bin"), "tok_embeddings", "finite");
    }

    [Fact]
    public void A_norm_that_is_not_finite_is_named_at_once()
    {
        byte[] file = [.. Whole[2]];
        BitConverter.GetBytes(float.PositiveInfinity).CopyTo(file, 256 + 64);
        Refused(file, "mlp norm of layer 0", "finite");
    }

    [Property(Arbitrary = [typeof(BinaryMutant.Arbitraries)], MaxTest = Mutants)]
    public void Every_mutant_is_read_or_refused(BinaryMutant mutation, byte version)
    {
        byte[] mutant = mutation.Apply(Whole[version % 3], header: 48);
        string path = _folder.File("m.bin", mutant);
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            LlamaModel model = Llama2cModel.LoadModel(path);
            Assert.InRange(model.WeightBytes, 1, mutant.Length);
            Use(model);
        }
        catch (MokaException error)
        {
            Assert.Contains(path, ErrorLine.Judge(error), StringComparison.Ordinal);
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 400_000 + 100 * mutant.Length);
    }

    private LlamaModel Load(byte[] file) => Llama2cModel.LoadModel(_folder.File("m.bin", file));

    private void Refused(byte[] file, params string[] naming) => ErrorLine.Of(() => Load(file), [_folder.File("m.bin"), .. naming]);

    private static void Use(LlamaModel model)
    {
        using Tape tape = new(Cpus.Scalar, gradients: false);
        model.Logits(tape, new[] { 0, 0 }, new Sequences(new[] { 0, 1, 2 }));
    }

    private static float[] Logits(LlamaModel model)
    {
        using Tape tape = new(Cpus.Widest, gradients: false);
        return model.Logits(tape, Tokens, new Sequences(new[] { 0, Tokens.Length })).Data.ToArray();
    }
}
