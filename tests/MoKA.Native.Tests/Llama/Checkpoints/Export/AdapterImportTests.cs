using MoKA.Native.Adapters;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Golden;

namespace MoKA.Native.Tests.Llama.Checkpoints.Export;

/// <summary>Updates found in other ways as mixtures: what mixtures can be is met exactly, and every error told is the true one.</summary>
public sealed class AdapterImportTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("krona")]
    [InlineData("lokr")]
    public void A_golden_Kronecker_adapter_is_a_mixture_of_its_own_shape(string name)
    {
        using GoldenAdapter golden = new();
        AdapterSet source = golden.Load(name).Adapters;
        MokaOptions options = new() { Filters = 1, Exceptions = [.. source.Entries.DistinctBy(e => e.Projection.Kind).Select(e => new MokaOptions { Kind = e.Projection.Kind, Shapes = [KroneckerTerms.Of(e.Adapter)![0].Shape] })] };
        Assert.Contains(options.Exceptions, e => ((MokaOptions)e).Shapes[0] != ((MokaOptions)options.Exceptions[0]).Shapes[0]);
        List<ImportedModule> seen = [];
        AdapterSet moka = AdapterImport.ToMoka(Cpus.Widest, source, options, seen.Add);
        Assert.All(seen, m => Assert.InRange(m.RelativeError, 0, 1e-5));
        AdapterFolder.Save(golden.File("moka"), golden.Model, moka, new AdapterOrigin("base", null));
        AdapterSet again = AdapterFolder.Load(golden.File("moka"), golden.Model, null).Adapters;
        Assert.All(again.Entries, e => Assert.IsType<MokaAdapter>(e.Adapter));
        float[] plain = golden.Logits();
        source.Attach();
        float[] expected = golden.Logits();
        source.Detach();
        again.Attach();
        Assert.True(Norms.Distance(expected, golden.Logits()) <= 1e-4 * Norms.Distance(plain, expected));
    }

    [Theory]
    [InlineData("lora")]
    [InlineData("dora")]
    public void The_errors_told_are_those_of_the_mixtures(string name)
    {
        using GoldenAdapter golden = new();
        AdapterSet source = golden.Load(name).Adapters;
        List<ImportedModule> seen = [];
        AdapterSet moka = AdapterImport.ToMoka(Cpus.Widest, source, new MokaOptions { Filters = 4, Scale = 2 }, seen.Add);
        double missed = 0, all = 0;
        foreach ((ImportedModule module, ((Projection place, Adapter before), (_, Adapter after))) in seen.Zip(source.Entries.Zip(moka.Entries)))
        {
            float[] expected = Update(place, before), actual = Update(place, after);
            Assert.Equal((place.Name, after.ParameterCount), (module.Name, module.Parameters));
            Assert.Equal(Norms.Distance(expected, actual) / Norms.Of(expected), module.RelativeError, 1e-4);
            Assert.Equal(Norms.Of(expected), module.Norm, 1e-4);
            missed += Math.Pow(Norms.Distance(expected, actual), 2);
            all += Math.Pow(Norms.Of(expected), 2);
        }
        Assert.Equal(Math.Sqrt(missed / all), AdapterImport.OverallError(seen), 1e-4);
        Assert.InRange(AdapterImport.OverallError(seen), 0.01, 0.999);
    }

    [Fact]
    public void A_fine_tuned_model_is_met_where_it_changed()
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config);
        // What fine-tuning did is a mixture of these shapes, so that it can be met.
        KroneckerShape[] shapes = [new(4, 4, 8, 8), new(4, 4, 8, 8)];
        AdapterSet truth = new(model.Projections, AdapterTargets.Parse("q,o"), (p, place) => new MokaAdapter(p.Out, p.In, new MokaOptions { Shapes = shapes }, 4, place));
        for (int i = 0; i < truth.Parameters.Count; i++) truth.Parameters[i].FillNormal(0.3f, 8, (ulong)i);
        truth.Attach();
        LlamaModel tuned = new(model.Config, new TurnedWeights(model, (_, weights, outputs, inputs) => new Linear(Draw.Parameter(new Shape(outputs, inputs), weights))));
        truth.Detach();
        List<ImportedModule> seen = [];
        AdapterSet made = AdapterImport.FromFull(Cpus.Widest, model, tuned, AdapterTargets.Parse("all"), new MokaOptions { Shapes = shapes }, seen.Add);
        Assert.Equal(["q", "o", "q", "o"], made.Entries.Select(e => e.Projection.Kind));
        Assert.All(seen, m => Assert.InRange(m.RelativeError, 0, 1e-4));
        Assert.Empty(AdapterImport.ChangedElsewhere(model, tuned));
        ErrorLine.Of(() => AdapterImport.FromFull(Cpus.Widest, model, tuned, AdapterTargets.Parse("v"), new MokaOptions()), "differ");
        ErrorLine.Of(() => AdapterImport.FromFull(Cpus.Widest, model, tuned, AdapterTargets.Parse("x"), new MokaOptions()), "'x'");
        ErrorLine.Of(() => AdapterImport.FromFull(Cpus.Widest, model, TinyLlama.Create(TinyLlama.Config with { IntermediateSize = 96 }), AdapterTargets.Parse("all"), new MokaOptions()), "sizes");
        tuned.Norm.Data[0] += 1;
        Assert.Single(AdapterImport.ChangedElsewhere(TinyLlama.Create(TinyLlama.Config), tuned));
    }

    [Fact]
    public void A_shape_of_another_map_is_refused() =>
        ErrorLine.Of(() => AdapterImport.ToMoka(Cpus.Widest, TinyLlama.Adapt(TinyLlama.Create(TinyLlama.Config), "q,down"), new MokaOptions { Shapes = [new(4, 4, 8, 8)] }), "4x4:8x8");

    private static float[] Update(Projection place, Adapter adapter)
    {
        float[] before = new float[place.Out * place.In], after = new float[before.Length];
        place.CopyWeight(before);
        place.CopyWeight(after);
        adapter.Merge(after);
        return [.. after.Zip(before, (a, b) => a - b)];
    }
}
