using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Data;

namespace MoKA.Native.Tests.Llama.Data;

public class AlpacaTemplateTests
{
    [Fact]
    public void TheStandardWordingIsThatOfAlpaca()
    {
        AlpacaTemplate template = AlpacaTemplate.ByName("alpaca");
        Assert.Equal(
            "Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.\n\n### Instruction:\nWho?\n\n### Input:\nMia ran.\n\n### Response:\n",
            template.Prompt(new AlpacaRecord("Who?", "Mia ran.", "Mia")));
        Assert.Equal(
            "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\nWho?\n\n### Response:\n",
            template.Prompt(new AlpacaRecord("Who?", "", "Mia")));
    }

    [Fact]
    public void TheShortOneHasTheSectionsAlone()
    {
        AlpacaTemplate template = AlpacaTemplate.ByName("short");
        Assert.Equal("### Instruction:\nWho?\n\n### Input:\nMia ran.\n\n### Response:\n", template.Prompt(new AlpacaRecord("Who?", "Mia ran.", "Mia")));
        Assert.Equal("### Instruction:\nWho?\n\n### Response:\n", template.Prompt(new AlpacaRecord("Who?", "", "Mia")));
        Assert.Throws<MokaException>(() => AlpacaTemplate.ByName("Short"));
    }
}
