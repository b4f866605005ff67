using System.Text.Json;
using MoKA.Native.Examples;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Tests.Llama.Tokenizers;
using MoKA.Native.Tests.Llama.Training;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Examples;

/// <summary>The public examples run and print what they promise.</summary>
public sealed class ExampleTests
{
    [Fact]
    public void The_tape_gives_the_gradient_of_a_square() => Assert.Equal(["y = 4", "dy/dw = [8, 16]"], Lines(TapeExample.Run));

    [Fact]
    public void The_mixture_is_small_and_only_B_has_a_gradient_at_the_start()
    {
        string[] lines = Lines(KroneckerExample.Run);
        Assert.Equal("a dense update: 1,048,576 numbers", lines[0]);
        Assert.Equal("  filter 32x32:32x32: 2,048 numbers, rank up to 1024", lines[1]);
        Assert.Equal("the mixture with its gate: 10,245 numbers", lines[6]);
        Assert.EndsWith("W has a gradient: False", lines[7], StringComparison.Ordinal);
        Assert.All(lines.Where(l => l.StartsWith("  |dB", StringComparison.Ordinal)), l => Assert.DoesNotContain("0.0000", l, StringComparison.Ordinal));
        Assert.All(lines.Where(l => l.StartsWith("  |dA", StringComparison.Ordinal)), l => Assert.EndsWith("0.0000", l, StringComparison.Ordinal));
    }

    [Fact]
    public void A_model_learns_an_Alpaca_file_and_answers()
    {
        using TempFolder folder = new();
        LlamaFolder.Save(folder.File("base"), TinyLlama.Create(ToyTasks.Config, int4: true), TokenizerFixtures.Small, WeightStorage.Q4_0, WeightStorage.F16);
        string data = folder.File("data.json", JsonSerializer.SerializeToUtf8Bytes(ToyTasks.Records.Take(1).Select(r => new { instruction = r.Instruction, input = r.Input, output = r.Output })));
        string[] lines = Lines(output => FineTuneExample.Run(output, folder.File("base"), data, folder.File("adapter"), steps: 60));
        Assert.StartsWith("step 1: loss ", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("Lily", lines[60].Trim(), StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(folder.File("adapter"), AdapterFolder.WeightsFile)));
    }

    private static string[] Lines(Action<TextWriter> run)
    {
        using StringWriter output = new() { NewLine = "\n" };
        run(output);
        return output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
