using System.Text;
using FsCheck.Xunit;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Tests.Checkpoints;

namespace MoKA.Native.Tests.Llama.Checkpoints;

public sealed class GenerationConfigJsonTests : IDisposable
{
    private const string Whole = """{"bos_token_id":128000,"do_sample":true,"eos_token_id":[128001,128008,128009],"temperature":0.6,"top_p":0.9,"top_k":50,"repetition_penalty":1.1,"transformers_version":"4.45.0.dev0"}""";
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void EveryProposalIsRead()
    {
        GenerationConfigJson config = Read(Whole);
        Assert.Equal([128001, 128008, 128009], config.EosTokenIds!.Value.ToArray());
        Assert.Equal((true, 0.6f, 50, 0.9f, 1.1f), (config.Samples, config.Temperature, config.TopK, config.TopP, config.RepetitionPenalty));
    }

    [Fact]
    public void WhatIsNotSaidIsNull() => Assert.Equal(new GenerationConfigJson(null, null, null, null, null, null), Read("""{"temperature":null}"""));

    [Fact]
    public void ACommaTooManyIsForgiven() => Assert.Equal([2], Read("""{"eos_token_id":2,}""").EosTokenIds!.Value.ToArray());

    [Theory]
    [InlineData("""{"eos_token_id":"2"}""", "eos_token_id")]
    [InlineData("""{"eos_token_id":[2,1.5]}""", "1.5")]
    [InlineData("""{"do_sample":1}""", "do_sample")]
    [InlineData("""{"temperature":"hot"}""", "temperature")]
    [InlineData("""{"top_k":1e20}""", "top_k")]
    [InlineData("[]", "object")]
    [InlineData("", "JSON")]
    public void WhatIsWrongIsNamed(string json, string named) => ErrorLine.Of(() => Read(json), named);

    [Property(MaxTest = 2000, Arbitrary = [typeof(Mutant.Arbitraries)])]
    public void EveryMutantIsReadOrRefused(Mutant mutant)
    {
        try
        {
            GenerationConfigJson.Read(_folder.File("generation_config.json", mutant.Apply(Encoding.UTF8.GetBytes(Whole))));
        }
        catch (MokaException error)
        {
            ErrorLine.Judge(error);
        }
    }

    private GenerationConfigJson Read(string json) => GenerationConfigJson.Read(_folder.File("generation_config.json", Encoding.UTF8.GetBytes(json)));
}
