using MoKA.Native.Adapters;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama.Checkpoints;

namespace MoKA.Native.Tests.Golden;

/// <summary>
/// Adapters in PEFT's files on the golden LLaMA-3.2: what they compute here is what PyTorch computes by PEFT's formulas, and
/// written again they have the bytes they had.
/// </summary>
public sealed class GoldenAdapterTests : IDisposable
{
    private readonly GoldenAdapter _golden = new();

    public static TheoryData<string> Names => ["lora", "rslora", "dora", "lokr", "lokr-factors", "krona", "moka-s"];

    public void Dispose() => _golden.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void An_adapter_computes_what_it_does_in_PyTorch(string name)
    {
        AdapterSet adapters = _golden.Load(name).Adapters;
        float[] plain = _golden.Logits(), expected = GoldenAdapter.Expected(name);
        adapters.Attach();
        float[] actual = _golden.Logits();
        adapters.Detach();
        float largest = expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max();
        Assert.True(largest <= 2e-4f, $"a logit differs by {largest}");
        Assert.Equal(plain, _golden.Logits());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Written_again_it_has_the_bytes_it_had(string name)
    {
        StoredAdapter stored = _golden.Load(name);
        AdapterFolder.Save(_golden.File("again"), _golden.Model, stored.Adapters, stored.Origin);
        foreach (string file in new[] { AdapterFolder.ConfigFile, AdapterFolder.WeightsFile })
            Assert.Equal(File.ReadAllBytes(Path.Combine(_golden.File(name), file)), File.ReadAllBytes(Path.Combine(_golden.File("again"), file)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Described_anew_it_is_the_same_adapter(string name)
    {
        AdapterSet adapters = _golden.Load(name).Adapters;
        AdapterFolder.Save(_golden.File("new"), _golden.Model, adapters, new AdapterOrigin("base", "hash"));
        AdapterSet again = AdapterFolder.Load(_golden.File("new"), _golden.Model, "hash").Adapters;
        ErrorLine.Of(() => AdapterFolder.Load(_golden.File("new"), _golden.Model, "another"), "another model");
        adapters.Attach();
        float[] expected = _golden.Logits();
        adapters.Detach();
        again.Attach();
        Bits.Equal(expected, _golden.Logits(), name);
        again.Detach();
    }

    [Theory]
    [InlineData(ElementType.BF16)]
    [InlineData(ElementType.F16)]
    public void Half_precision_stays_half_precision(ElementType type)
    {
        StoredAdapter stored = _golden.Load("lora");
        AdapterOrigin half = stored.Origin with { Types = stored.Origin.Types!.ToDictionary(t => t.Key, _ => type) };
        AdapterFolder.Save(_golden.File("half"), _golden.Model, stored.Adapters, half);
        StoredAdapter again = AdapterFolder.Load(_golden.File("half"), _golden.Model, null);
        AdapterFolder.Save(_golden.File("twice"), _golden.Model, again.Adapters, again.Origin);
        string weights = Path.Combine(_golden.File("half"), AdapterFolder.WeightsFile);
        Assert.Equal(File.ReadAllBytes(weights), File.ReadAllBytes(Path.Combine(_golden.File("twice"), AdapterFolder.WeightsFile)));
        using SafetensorsFile file = new(weights);
        Assert.All(file.Tensors.Values, t => Assert.Equal(type, t.Type));
    }

    [Fact]
    public void A_setting_that_would_change_the_result_is_refused()
    {
        _golden.Load("lora");
        string path = Path.Combine(_golden.File("lora"), AdapterFolder.ConfigFile), config = File.ReadAllText(path);
        foreach ((string from, string to, string named) in new[] { ("\"bias\": \"none\"", "\"bias\": \"all\"", "bias"), ("\"fan_in_fan_out\": false", "\"fan_in_fan_out\": true", "fan_in_fan_out"), ("\"r\": 4", "\"r\": 5", "rank 5"), ("\"modules_to_save\": null", "\"modules_to_save\": [\"lm_head\"]", "modules_to_save"), ("\"down_proj\": 6", "\"(\": 6", "regular expressions") })
        {
            Assert.Contains(from, config, StringComparison.Ordinal);
            File.WriteAllText(path, config.Replace(from, to, StringComparison.Ordinal));
            ErrorLine.Of(() => AdapterFolder.Load(_golden.File("lora"), _golden.Model, null), named);
        }
    }
}
