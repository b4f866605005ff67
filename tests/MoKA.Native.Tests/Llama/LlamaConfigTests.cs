using MoKA.Native.Llama;

namespace MoKA.Native.Tests.Llama;

/// <summary>Parameter counts of published models, and totals of the largest legal config.</summary>
public sealed class LlamaConfigTests
{
    [Fact]
    public void ParameterCountsOfPublishedModels()
    {
        Assert.Equal(6_738_415_616, Make(32000, 4096, 11008, 32, 32, 32, 128, tied: false).ParameterCount);
        Assert.Equal(8_030_261_248, Make(128256, 4096, 14336, 32, 32, 8, 128, tied: false).ParameterCount);
        Assert.Equal(1_235_814_400, Make(128256, 2048, 8192, 16, 32, 8, 64, tied: true).ParameterCount);
    }

    [Fact]
    public void TheLargestLegalConfigDoesNotOverflow()
    {
        LlamaConfig config = Make(1 << 24, 1 << 20, 1 << 22, 4096, 8192, 8192, 8192, tied: false);
        config.Validate();
        Int128 block = 4 * (Int128)config.HiddenSize * (1 << 26) + 3 * (Int128)config.HiddenSize * config.IntermediateSize + 2 * config.HiddenSize;
        Assert.Equal(2 * (Int128)config.VocabularySize * config.HiddenSize + 4096 * block + config.HiddenSize, config.ParameterCount);
    }

    private static LlamaConfig Make(int vocabulary, int hidden, int intermediate, int layers, int heads, int keyValueHeads, int headDim, bool tied) => new()
    {
        VocabularySize = vocabulary, HiddenSize = hidden, IntermediateSize = intermediate, Layers = layers, Heads = heads,
        KeyValueHeads = keyValueHeads, HeadDim = headDim, TieEmbeddings = tied,
    };
}
