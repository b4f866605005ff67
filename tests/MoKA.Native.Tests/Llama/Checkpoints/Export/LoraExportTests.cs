using System.Text.Json;
using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Nn;
using MoKA.Native.Tests.Golden;

namespace MoKA.Native.Tests.Llama.Checkpoints.Export;

/// <summary>Adapters of every kind as PEFT's LoRA: read back, they compute what they computed before.</summary>
public sealed class LoraExportTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("krona")]
    [InlineData("moka-s")]
    [InlineData("lokr")]
    [InlineData("lokr-factors")]
    [InlineData("lora")]
    [InlineData("rslora")]
    public void A_golden_adapter_gives_PyTorchs_logits_as_LoRA_too(string name)
    {
        using GoldenAdapter golden = new();
        List<ExportedModule> seen = [];
        AdapterSet lora = LoraExport.Convert(Cpus.Widest, golden.Load(name).Adapters, new LoraExportOptions { Rank = 72 }, seen.Add);
        AdapterFolder.Save(golden.File("exported"), golden.Model, lora, new AdapterOrigin("base", "hash"));
        AdapterSet again = AdapterFolder.Load(golden.File("exported"), golden.Model, "hash").Adapters;
        Assert.Equal("LORA", AdapterSummary.Read(golden.File("exported")).PeftType);
        Assert.All(again.Entries, e => Assert.IsType<LoraAdapter>(e.Adapter));
        Assert.Equal(seen.Select(m => m.Rank), again.Entries.Select(e => ((LoraAdapter)e.Adapter).Options.Rank));
        Assert.All(seen, m => Assert.InRange(m.RelativeError, 0, 1e-5));
        again.Attach();
        Assert.InRange(GoldenAdapter.Distance(name, golden.Logits()), 0, 2e-4f);
    }

    [Fact]
    public void Low_ranks_are_met_exactly_and_patterns_tell_them_apart()
    {
        // [32, 32], [16, 32] and so on have other exact ranks: rank A times rank B of each filter.
        LlamaModel model = TinyLlama.Create(TinyLlama.Config);
        model.Freeze();
        AdapterSet moka = new(model.Projections, AdapterTargets.Parse("q,v,down"), (p, place) => new MokaAdapter(p.Out, p.In, new MokaOptions { Shapes = [new(p.Out, 2, 1, p.In / 2), new(p.Out / 4, 1, 4, p.In)], Scale = 1.3f }, 1, place));
        for (int i = 0; i < moka.Parameters.Count; i++) moka.Parameters[i].FillNormal(0.2f, 3, (ulong)i);
        AdapterSet one = new(moka.Entries.Select((e, i) => (e.Projection, i == 0 ? (Adapter)new KronaAdapter(e.Projection.Out, e.Projection.In, new KronaOptions { Shape = new(e.Projection.Out, 1, 1, e.Projection.In) }, 1, 0) : e.Adapter)), moka.Targets);
        one.Entries.First().Adapter.Parameters[1].FillNormal(0.2f, 4, 0);
        List<ExportedModule> seen = [];
        AdapterSet lora = LoraExport.Convert(Cpus.Widest, one, new LoraExportOptions(), seen.Add);
        Assert.All(seen, m => Assert.True(m.Exact && m.RelativeError < 1e-6));
        Assert.Equal([1, 6, 6, 6, 6, 6], seen.Select(m => m.Rank));
        AdapterFolder.Save(_folder.File("lora"), model, lora, new AdapterOrigin("base", null));
        using (JsonDocument config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_folder.File("lora"), AdapterFolder.ConfigFile))))
        {
            JsonElement root = config.RootElement, ranks = root.GetProperty("rank_pattern"), alphas = root.GetProperty("alpha_pattern");
            Assert.Equal((1, 1.0, 5, 5), (root.GetProperty("r").GetInt32(), root.GetProperty("lora_alpha").GetDouble(), ranks.EnumerateObject().Count(), alphas.EnumerateObject().Count()));
            Assert.All(ranks.EnumerateObject(), r => Assert.Equal(6, r.Value.GetInt32()));
            Assert.All(alphas.EnumerateObject(), r => Assert.Equal(6, r.Value.GetDouble()));
        }
        AdapterSet again = AdapterFolder.Load(_folder.File("lora"), model, null).Adapters;
        foreach (((_, Adapter before), (_, Adapter after)) in one.Entries.Zip(again.Entries))
            Assert.True(Norms.Distance(Merged(before), Merged(after)) <= 1e-6 * Norms.Of(Merged(before)));
    }

    [Fact]
    public void What_is_not_of_a_low_rank_asks_how_near_to_come()
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config);
        AdapterSet moka = TinyLlama.Adapt(model, "q,down");
        ErrorLine.Of(() => LoraExport.Convert(Cpus.Widest, moka, new LoraExportOptions()), "rank", "energy", "merge", "below 32");
        ErrorLine.Of(() => LoraExport.Convert(Cpus.Widest, Thin(model), new LoraExportOptions { MostExactRank = 5 }), "rank 6", "at most 5");
        LoraExport.Convert(Cpus.Widest, Thin(model), new LoraExportOptions { MostExactRank = 6 });
        foreach (int rank in (int[])[1, 4, 31, 500])
        {
            List<ExportedModule> seen = [];
            AdapterSet lora = LoraExport.Convert(Cpus.Widest, moka, new LoraExportOptions { Rank = rank }, seen.Add);
            foreach ((ExportedModule module, ((Projection _, Adapter before), (Projection _, Adapter after))) in seen.Zip(moka.Entries.Zip(lora.Entries)))
            {
                Assert.Equal(Math.Min(rank, 32), module.Rank);
                Assert.False(module.Exact);
                Assert.Equal(Norms.Distance(Merged(before), Merged(after)) / Norms.Of(Merged(before)), module.RelativeError, 1e-6);
                Assert.True(rank < 32 ? module.RelativeError > 1e-4 : module.RelativeError < 1e-5);
            }
        }
        List<ExportedModule> kept = [];
        LoraExport.Convert(Cpus.Widest, moka, new LoraExportOptions { Energy = 0.9 }, kept.Add);
        Assert.All(kept, m => Assert.True(m.RelativeError * m.RelativeError <= 0.1 + 1e-6 && m.Rank < 32 && !m.Exact));
        // Where all directions are asked for, the exact construction has them without an error of truncation.
        AdapterSet thin = Thin(model);
        for (int i = 0; i < thin.Parameters.Count; i++) thin.Parameters[i].FillNormal(0.2f, 3, (ulong)i);
        kept.Clear();
        AdapterSet all = LoraExport.Convert(Cpus.Widest, thin, new LoraExportOptions { Energy = 0.999999 }, kept.Add);
        Assert.All(kept, m => Assert.True(m.Exact && m.Rank == 6 && m.RelativeError < 1e-6));
        foreach (((_, Adapter before), (_, Adapter after)) in thin.Entries.Zip(all.Entries)) Assert.InRange(Norms.Distance(Merged(before), Merged(after)) / Norms.Of(Merged(before)), 0, 1e-6);
    }

    [Theory]
    [InlineData("lora")]
    [InlineData("rslora")]
    [InlineData("dora")]
    public void What_PEFT_keeps_itself_is_taken_as_it_is(string name)
    {
        using GoldenAdapter golden = new();
        AdapterSet own = golden.Load(name).Adapters;
        List<ExportedModule> seen = [];
        Assert.Same(own, LoraExport.Convert(Cpus.Widest, own, new LoraExportOptions(), seen.Add));
        Assert.All(seen, m => Assert.True(m.Exact && m.RelativeError == 0 && m.Rank > 0));
    }

    [Theory]
    [InlineData("lora")]
    [InlineData("rslora")]
    public void A_LoRA_of_more_than_is_asked_for_is_shortened(string name)
    {
        using GoldenAdapter golden = new();
        AdapterSet own = golden.Load(name).Adapters;
        int most = own.Entries.Max(e => ((LoraAdapter)e.Adapter).Options.Rank), less = most / 2;
        Assert.Same(own, LoraExport.Convert(Cpus.Widest, own, new LoraExportOptions { Rank = most }));
        Assert.Same(own, LoraExport.Convert(Cpus.Widest, own, new LoraExportOptions { Energy = 1 }));
        foreach (LoraExportOptions options in (LoraExportOptions[])[new() { Rank = less }, new() { Energy = 0.8 }])
        {
            List<ExportedModule> seen = [];
            AdapterSet shorter = LoraExport.Convert(Cpus.Widest, own, options, seen.Add);
            AdapterFolder.Save(golden.File("shorter"), golden.Model, shorter, new AdapterOrigin("base", null));
            AdapterSet again = AdapterFolder.Load(golden.File("shorter"), golden.Model, null).Adapters;
            foreach ((ExportedModule module, ((_, Adapter before), (_, Adapter after))) in seen.Zip(own.Entries.Zip(again.Entries)))
            {
                Assert.Equal(module.Rank, ((LoraAdapter)after).Options.Rank);
                Assert.Equal(module.Exact, module.Rank == ((LoraAdapter)before).Options.Rank);
                Assert.Equal(Norms.Distance(Merged(before), Merged(after)) / Norms.Of(Merged(before)), module.RelativeError, 1e-6);
                if (options.Rank is not null) Assert.Equal(less, module.Rank);
                else Assert.InRange(module.RelativeError * module.RelativeError, 0, 0.2);
            }
            Assert.Contains(seen, m => !m.Exact && m.RelativeError > 1e-3);
        }
    }

    [Fact]
    public void A_shortened_map_and_a_rank_stabilised_one_share_a_folder()
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config);
        model.Freeze();
        AdapterSet mixed = new(model.Projections, AdapterTargets.Parse("q,v"), (p, place) => new LoraAdapter(p.Out, p.In, new LoraOptions { Rank = place % 2 == 0 ? 3 : 8, Alpha = 5, RankStabilized = true }, 1, place));
        for (int i = 0; i < mixed.Parameters.Count; i++) mixed.Parameters[i].FillNormal(0.3f, 3, (ulong)i);
        AdapterSet shorter = LoraExport.Convert(Cpus.Widest, mixed, new LoraExportOptions { Rank = 4 });
        Assert.Equal([3, 4, 3, 4], shorter.Entries.Select(e => ((LoraAdapter)e.Adapter).Options.Rank));
        AdapterFolder.Save(_folder.File("mixed"), model, shorter, new AdapterOrigin("base", null));
        foreach (((_, Adapter before), (_, Adapter after)) in shorter.Entries.Zip(AdapterFolder.Load(_folder.File("mixed"), model, null).Adapters.Entries))
            Assert.True(Norms.Distance(Merged(before), Merged(after)) <= 1e-6 * Norms.Of(Merged(before)));
    }

    [Fact]
    public void The_LoRA_nearest_to_a_DoRA_is_that_of_its_whole_change()
    {
        using GoldenAdapter golden = new();
        AdapterSet dora = golden.Load("dora").Adapters;
        double[] last = [.. dora.Entries.Select(_ => 1.0)];
        foreach (int rank in (int[])[2, 8, 500])
        {
            List<ExportedModule> seen = [];
            AdapterSet lora = LoraExport.Convert(Cpus.Widest, dora, new LoraExportOptions { Rank = rank }, seen.Add);
            foreach ((ExportedModule module, ((Projection place, Adapter before), (_, Adapter after))) in seen.Zip(dora.Entries.Zip(lora.Entries)))
            {
                double[] change = Change(place, (DoraAdapter)before);
                double missed = Math.Sqrt(change.Zip(Merged(after), (a, b) => (a - b) * (a - b)).Sum()) / Math.Sqrt(change.Sum(a => a * a));
                Assert.Equal(Math.Min(rank, Math.Min(place.Out, place.In)), module.Rank);
                Assert.Equal(missed, module.RelativeError, 1e-4);
                // Its rows are of other lengths than the base's, which takes more directions than it has itself.
                Assert.InRange(module.RelativeError, rank == 500 ? 0 : 1e-3, rank == 500 ? 1e-4 : 0.999);
            }
            Assert.All(seen.Zip(last), s => Assert.True(s.First.RelativeError < s.Second && !s.First.Exact));
            last = [.. seen.Select(m => m.RelativeError)];
            if (rank < 500) continue;
            AdapterFolder.Save(golden.File("exported"), golden.Model, lora, new AdapterOrigin("base", null));
            AdapterFolder.Load(golden.File("exported"), golden.Model, null).Adapters.Attach();
            Assert.InRange(GoldenAdapter.Distance("dora", golden.Logits()), 0, 2e-4f);
        }
    }

    [Fact]
    public void What_a_DoRA_cannot_become_is_refused_with_the_way_out()
    {
        using GoldenAdapter golden = new();
        AdapterSet dora = golden.Load("dora").Adapters;
        ErrorLine.Of(() => GgufLora.Write(golden.File("dora.gguf"), golden.Model, LoraExport.Convert(Cpus.Widest, dora, new LoraExportOptions())), "LoRA alone", "scales the rows", "rank", "merge");
        ErrorLine.Of(() => LokrExport.Convert(dora), "scales the rows", "LoRA", "merge");
        Assert.False(File.Exists(golden.File("dora.gguf")));
        AdapterSet alone = AdapterFolder.Load(golden.File("dora"), AdapterPlaces.In(golden.File("dora"))).Adapters;
        Assert.Same(alone, LoraExport.Convert(Cpus.Widest, alone, new LoraExportOptions()));
        ErrorLine.Of(() => LoraExport.Convert(Cpus.Widest, alone, new LoraExportOptions { Rank = 4 }), "no base was given");
    }

    [Fact]
    public void Options_are_checked_and_work_can_be_stopped()
    {
        using GoldenAdapter golden = new();
        AdapterSet lora = golden.Load("lora").Adapters;
        ErrorLine.Of(() => LoraExport.Convert(Cpus.Widest, lora, new LoraExportOptions { Rank = 0 }), "Rank");
        ErrorLine.Of(() => LoraExport.Convert(Cpus.Widest, lora, new LoraExportOptions { Energy = 1.5 }), "Energy", "1.5");
        ErrorLine.Of(() => LoraExport.Convert(Cpus.Widest, lora, new LoraExportOptions { Energy = 0.5, Rank = 3 }), "one of the two");
        ErrorLine.Of(() => LoraExport.Convert(Cpus.Widest, lora, new LoraExportOptions { MostExactRank = 0 }), "exact");
        using CancellationTokenSource stop = new();
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => LoraExport.Convert(Cpus.Widest, lora, new LoraExportOptions(), cancel: stop.Token));
    }

    // Exact ranks 4 and 2.
    private static AdapterSet Thin(LlamaModel model) =>
        new(model.Projections, AdapterTargets.Parse("q"), (p, place) => new MokaAdapter(p.Out, p.In, new MokaOptions { Shapes = [new(p.Out / 2, 2, 2, p.In / 2), new(p.Out, 2, 1, p.In / 2)] }, 1, place));

    // W' - W for W' with rows m_i (W + s B A)_i / ‖(W + s B A)_i‖.
    private static double[] Change(Projection place, DoraAdapter dora)
    {
        float[] weight = new float[place.Out * place.In];
        place.CopyWeight(weight);
        double[] change = new double[weight.Length];
        for (int i = 0; i < place.Out; i++)
        {
            double[] row = new double[place.In];
            for (int j = 0; j < place.In; j++)
            {
                row[j] = weight[i * place.In + j];
                for (int k = 0; k < dora.Options.Rank; k++) row[j] += (double)dora.Options.Scale * dora.B.Data[i * dora.Options.Rank + k] * dora.A.Data[k * place.In + j];
            }
            double length = Math.Sqrt(row.Sum(w => w * w));
            for (int j = 0; j < place.In; j++) change[i * place.In + j] = dora.Magnitude.Data[i] * row[j] / length - weight[i * place.In + j];
        }
        return change;
    }

    private static float[] Merged(Adapter adapter)
    {
        float[] weight = new float[adapter.Out * adapter.In];
        adapter.Merge(weight);
        return weight;
    }
}
