using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Tests.Golden;

namespace MoKA.Native.Tests.Llama.Checkpoints.Export;

/// <summary>One Kronecker product a map as PEFT's LoKr: read back, it computes what it computed before.</summary>
public sealed class LokrExportTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("krona")]
    [InlineData("lokr")]
    [InlineData("lokr-factors")]
    public void A_golden_adapter_gives_PyTorchs_logits_as_LoKr_too(string name)
    {
        using GoldenAdapter golden = new();
        AdapterSet lokr = LokrExport.Convert(golden.Load(name).Adapters);
        AdapterFolder.Save(golden.File("exported"), golden.Model, lokr, new AdapterOrigin("base", null));
        AdapterSet again = AdapterFolder.Load(golden.File("exported"), golden.Model, null).Adapters;
        Assert.Equal("LOKR", AdapterSummary.Read(golden.File("exported")).PeftType);
        again.Attach();
        Assert.InRange(GoldenAdapter.Distance(name, golden.Logits()), 0, 2e-4f);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2)]
    [InlineData(16)]
    public void The_factor_is_found_and_the_scale_is_one(int factor)
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config);
        model.Freeze();
        LokrOptions asked = new() { Factor = factor };
        AdapterSet moka = new(model.Projections, AdapterTargets.Parse("all"), (p, place) => new MokaAdapter(p.Out, p.In, new MokaOptions { Shapes = [asked.ShapeFor(p.Out, p.In)], Scale = 1.7f }, 1, place));
        for (int i = 0; i < moka.Parameters.Count; i++) moka.Parameters[i].FillNormal(0.3f, 5, (ulong)i);
        AdapterSet lokr = LokrExport.Convert(moka);
        AdapterFolder.Save(_folder.Path, model, lokr, new AdapterOrigin("base", null));
        foreach (((_, Adapter before), (_, Adapter after)) in moka.Entries.Zip(AdapterFolder.Load(_folder.Path, model, null).Adapters.Entries))
        {
            LokrAdapter read = Assert.IsType<LokrAdapter>(after);
            Assert.Equal((1f, false, false), (read.Options.Scale, read.Outer.IsDecomposed, read.Inner.IsDecomposed));
            float[] expected = new float[before.Out * before.In], actual = new float[expected.Length];
            before.Merge(expected);
            after.Merge(actual);
            Assert.True(Norms.Distance(expected, actual) <= 1e-6 * Norms.Of(expected));
        }
    }

    [Fact]
    public void What_LoKr_cannot_hold_is_refused_with_the_way_out()
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config);
        ErrorLine.Of(() => LokrExport.Convert(TinyLlama.Adapt(model, "q")), "one Kronecker product", "3", "LoRA");
        // 8 rows of 32 would come with 8 of its columns, or with 4 of both.
        AdapterSet Of(string targets, KroneckerShape shape) => new(model.Projections, AdapterTargets.Parse(targets), (p, place) => new MokaAdapter(p.Out, p.In, new MokaOptions { Shapes = [shape with { RowsB = p.Out / shape.RowsA, ColumnsB = p.In / shape.ColumnsA }] }, 1, place));
        ErrorLine.Of(() => LokrExport.Convert(Of("q", new(8, 2, 0, 0))), "8x2:4x16", "decompose_factor");
        // Each by itself is reachable, by 4 and by 16 alone.
        AdapterSet mixed = new(Of("q", new(4, 4, 0, 0)).Entries.Concat(Of("down", new(16, 16, 0, 0)).Entries), AdapterTargets.Parse("q,down"));
        ErrorLine.Of(() => LokrExport.Convert(mixed), "no one decompose_factor");
        AdapterSet lora = new(model.Projections, AdapterTargets.Parse("q"), (p, place) => new LoraAdapter(p.Out, p.In, new LoraOptions(), 1, place));
        ErrorLine.Of(() => LokrExport.Convert(lora), "none", "LoRA");
    }
}
