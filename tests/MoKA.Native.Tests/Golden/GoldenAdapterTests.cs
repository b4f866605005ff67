using System.Runtime.InteropServices;
using MoKA.Native.Adapters;
using MoKA.Native.Autograd;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;

namespace MoKA.Native.Tests.Golden;

/// <summary>
/// Adapters in PEFT's files on the golden LLaMA-3.2: what they compute here is what PyTorch computes by PEFT's formulas, and
/// written again they have the bytes they had.
/// </summary>
public sealed class GoldenAdapterTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly LlamaModel _model;
    private readonly int[] _tokens;

    public GoldenAdapterTests()
    {
        using GoldenFamily family = new("llama32");
        family.Publish(_folder.File("base"));
        _model = LlamaFolder.LoadModel(_folder.File("base"));
        using SafetensorsFile file = GoldenFile.Open("llama32");
        _tokens = MemoryMarshal.Cast<byte, int>(file.Bytes("batch.tokens")).ToArray();
    }

    public static TheoryData<string> Names => ["lora", "rslora", "dora", "lokr", "lokr-factors", "krona", "moka-s"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void An_adapter_computes_what_it_does_in_PyTorch(string name)
    {
        using SafetensorsFile golden = GoldenFile.Open(name);
        AdapterSet adapters = Load(name, golden).Adapters;
        float[] plain = Logits(), expected = golden.Floats("result.logits");
        adapters.Attach();
        float[] actual = Logits();
        adapters.Detach();
        float largest = expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max();
        Assert.True(largest <= 2e-4f, $"a logit differs by {largest}");
        Assert.Equal(plain, Logits());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Written_again_it_has_the_bytes_it_had(string name)
    {
        using SafetensorsFile golden = GoldenFile.Open(name);
        StoredAdapter stored = Load(name, golden);
        AdapterFolder.Save(_folder.File("again"), _model, stored.Adapters, stored.Origin);
        foreach (string file in new[] { AdapterFolder.ConfigFile, AdapterFolder.WeightsFile })
            Assert.Equal(File.ReadAllBytes(Path.Combine(_folder.File(name), file)), File.ReadAllBytes(Path.Combine(_folder.File("again"), file)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Described_anew_it_is_the_same_adapter(string name)
    {
        using SafetensorsFile golden = GoldenFile.Open(name);
        AdapterSet adapters = Load(name, golden).Adapters;
        AdapterFolder.Save(_folder.File("new"), _model, adapters, new AdapterOrigin("base", "hash"));
        AdapterSet again = AdapterFolder.Load(_folder.File("new"), _model, "hash").Adapters;
        ErrorLine.Of(() => AdapterFolder.Load(_folder.File("new"), _model, "another"), "another model");
        adapters.Attach();
        float[] expected = Logits();
        adapters.Detach();
        again.Attach();
        Bits.Equal(expected, Logits(), name);
        again.Detach();
    }

    [Theory]
    [InlineData(ElementType.BF16)]
    [InlineData(ElementType.F16)]
    public void Half_precision_stays_half_precision(ElementType type)
    {
        using SafetensorsFile golden = GoldenFile.Open("lora");
        StoredAdapter stored = Load("lora", golden);
        AdapterOrigin half = stored.Origin with { Types = stored.Origin.Types!.ToDictionary(t => t.Key, _ => type) };
        AdapterFolder.Save(_folder.File("half"), _model, stored.Adapters, half);
        StoredAdapter again = AdapterFolder.Load(_folder.File("half"), _model, null);
        AdapterFolder.Save(_folder.File("twice"), _model, again.Adapters, again.Origin);
        string weights = Path.Combine(_folder.File("half"), AdapterFolder.WeightsFile);
        Assert.Equal(File.ReadAllBytes(weights), File.ReadAllBytes(Path.Combine(_folder.File("twice"), AdapterFolder.WeightsFile)));
        using SafetensorsFile file = new(weights);
        Assert.All(file.Tensors.Values, t => Assert.Equal(type, t.Type));
    }

    [Fact]
    public void A_setting_that_would_change_the_result_is_refused()
    {
        using SafetensorsFile golden = GoldenFile.Open("lora");
        Load("lora", golden);
        string path = Path.Combine(_folder.File("lora"), AdapterFolder.ConfigFile), config = File.ReadAllText(path);
        foreach ((string from, string to, string named) in new[] { ("\"bias\": \"none\"", "\"bias\": \"all\"", "bias"), ("\"fan_in_fan_out\": false", "\"fan_in_fan_out\": true", "fan_in_fan_out"), ("\"r\": 4", "\"r\": 5", "rank 5"), ("\"modules_to_save\": null", "\"modules_to_save\": [\"lm_head\"]", "modules_to_save"), ("\"down_proj\": 6", "\"(\": 6", "regular expressions") })
        {
            Assert.Contains(from, config, StringComparison.Ordinal);
            File.WriteAllText(path, config.Replace(from, to, StringComparison.Ordinal));
            ErrorLine.Of(() => AdapterFolder.Load(_folder.File("lora"), _model, null), named);
        }
    }

    private StoredAdapter Load(string name, SafetensorsFile golden)
    {
        SafetensorsWriter writer = new();
        foreach (TensorEntry entry in golden.Tensors.Values.Where(t => !t.Name.StartsWith("result.", StringComparison.Ordinal)))
            writer.Add(entry.Name, entry.Type, [.. entry.Dims], golden.Bytes(entry.Name).ToArray());
        Directory.CreateDirectory(_folder.File(name));
        writer.Save(Path.Combine(_folder.File(name), AdapterFolder.WeightsFile));
        File.WriteAllText(Path.Combine(_folder.File(name), AdapterFolder.ConfigFile), golden.Metadata["adapter_config"]);
        return AdapterFolder.Load(_folder.File(name), _model, null);
    }

    private float[] Logits()
    {
        using Tape tape = new(Cpus.Widest, gradients: false);
        return _model.Logits(tape, _tokens, new Sequences(new[] { 0, _tokens.Length })).Data.ToArray();
    }
}
