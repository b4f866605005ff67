using MathNet.Numerics.LinearAlgebra;
using MoKA.Native.Adapters;
using MoKA.Native.LinearAlgebra;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Nn;

namespace MoKA.Native.Tests.Llama.Checkpoints;

/// <summary>The effective ranks of saved adapters of every kind are those of the updates written out, or come with a reason.</summary>
public sealed class AdapterRanksTests : IDisposable
{
    private static readonly LlamaModel Model = TinyLlama.Create(TinyLlama.Config);
    private readonly TempFolder _folder = new();

    public static TheoryData<string> Kinds => new(Makers.Keys);

    private static Dictionary<string, Func<Projection, ulong, Adapter>> Makers { get; } = new()
    {
        ["gated mixture"] = (p, i) => new MokaAdapter(p.Out, p.In, new MokaOptions { Filters = 4, Temperature = 0.5f, Scale = 3 }, 1, i),
        ["plain mixture"] = (p, i) => new MokaAdapter(p.Out, p.In, new MokaOptions { Filters = 3, Gated = false }, 1, i),
        ["one filter"] = (p, i) => new MokaAdapter(p.Out, p.In, new MokaOptions { Filters = 1 }, 1, i),
        ["KronA"] = (p, i) => new KronaAdapter(p.Out, p.In, new KronaOptions(), 1, i),
        ["LoRA"] = (p, i) => new LoraAdapter(p.Out, p.In, new LoraOptions { Rank = 5 }, 1, i),
        ["LoKr, whole"] = (p, i) => new LokrAdapter(p.Out, p.In, new LokrOptions { Rank = 8 }, 1, i),
        ["LoKr, both decomposed"] = (p, i) => new LokrAdapter(p.Out, p.In, new LokrOptions { Rank = 1, DecomposeBoth = true }, 1, i),
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void An_update_has_the_effective_rank_of_its_matrix(string kind)
    {
        AdapterSet adapters = Saved(Makers[kind], trained: true);
        IReadOnlyDictionary<string, UpdateRank> ranks = AdapterRanks.Read(_folder.Path, Cpus.Widest);
        Assert.Equal(AdapterSummary.Read(_folder.Path).Modules.Select(m => m.Name), ranks.Keys.Order(StringComparer.Ordinal));
        string[] names = ["self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj"];
        foreach (((Projection projection, Adapter adapter), int i) in adapters.Entries.Select((e, i) => (e, i)))
        {
            float[] update = new float[adapter.Out * adapter.In];
            adapter.Merge(update);
            double[] energies = [.. Matrix<double>.Build.DenseOfRowMajor(adapter.Out, adapter.In, update.Select(x => (double)x)).Svd(computeVectors: false).S.Select(s => s * s)];
            double expected = Math.Exp(-energies.Select(e => e / energies.Sum()).Where(p => p > 0).Sum(p => p * Math.Log(p)));
            UpdateRank rank = ranks[$"base_model.model.model.layers.{i / names.Length}.{names[i % names.Length]}"];
            Assert.Equal("", rank.Reason);
            Assert.True(Math.Abs(expected - rank.Value!.Value) <= 1e-4 * expected, $"{projection.Name}: {expected} and {rank.Value}");
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Before_training_it_is_zero(string kind)
    {
        Saved(Makers[kind], trained: false);
        Assert.All(AdapterRanks.Read(_folder.Path, Cpus.Widest).Values, r => Assert.Equal(0, r.Value));
    }

    [Fact]
    public void What_needs_the_base_says_so_and_is_told_with_it()
    {
        AdapterSet dora = Saved((p, i) => new DoraAdapter(p.Current, new LoraOptions { Rank = 2 }, 1, i), trained: true);
        Assert.All(AdapterRanks.Read(_folder.Path, Cpus.Widest).Values, r => Assert.Equal((null, true, true), (r.Value, r.Reason.Contains("DoRA", StringComparison.Ordinal), r.Reason.Contains("--model", StringComparison.Ordinal))));
        Assert.Equal([.. Exact(dora).Order()], AdapterRanks.Read(_folder.Path, Cpus.Widest, Model).Values.Select(r => r.Value!.Value).Order(), (x, y) => Math.Abs(x - y) < 1e-3 * x);
        AdapterSet identities = Saved((p, _) => new MokaSAdapter(p.Out, p.In, new MokaSOptions()), trained: true);
        Assert.Equal([.. Exact(identities).Order()], AdapterRanks.Read(_folder.Path, Cpus.Widest).Values.Select(r => r.Value!.Value).Order(), (x, y) => Math.Abs(x - y) < 1e-3 * x);
        // A description from before map sizes were written.
        string config = Path.Combine(_folder.Path, AdapterFolder.ConfigFile);
        File.WriteAllText(config, File.ReadAllText(config).Replace("map_sizes", "unread", StringComparison.Ordinal));
        Assert.All(AdapterRanks.Read(_folder.Path, Cpus.Widest).Values, r => Assert.Contains("repeat", r.Reason));
        Assert.All(AdapterRanks.Read(_folder.Path, Cpus.Widest, Model).Values, r => Assert.NotNull(r.Value));
        File.WriteAllText(config, File.ReadAllText(config).Replace("unread", "map_sizes", StringComparison.Ordinal).Replace("\"q_proj\": [", "\"q_proj\": [7,", StringComparison.Ordinal));
        ErrorLine.Of(() => AdapterRanks.Read(_folder.Path, Cpus.Widest), "map_sizes", "outputs");
    }

    [Theory]
    [InlineData("gated mixture")]
    [InlineData("LoRA")]
    [InlineData("dense")]
    public void Where_exactness_takes_long_it_is_estimated(string kind)
    {
        LlamaModel wide = TinyLlama.Create(TinyLlama.Config with { HiddenSize = 640, Heads = 20, KeyValueHeads = 20, HeadDim = 32, IntermediateSize = 1320 });
        AdapterSet saved = Saved(kind switch
        {
            "dense" => (p, i) => new KronaAdapter(p.Out, p.In, new KronaOptions { Shape = new KroneckerShape(1, 1, p.Out, p.In) }, 1, i),
            "LoRA" => (p, i) => new LoraAdapter(p.Out, p.In, new LoraOptions { Rank = 320 }, 1, i),
            _ => Makers[kind],
        }, trained: true, wide);
        // One map by its whole decomposition is enough to hold the estimate to.
        Adapter first = saved.Entries.First().Adapter;
        float[] update = new float[first.Out * first.In];
        first.Merge(update);
        double exact = EffectiveRank.OfMatrix(update, first.Out, first.In);
        UpdateRank rank = AdapterRanks.Read(_folder.Path, Cpus.Widest)["base_model.model.model.layers.0.self_attn.q_proj"];
        Assert.True(rank.Estimated && rank.StandardError > 0 && rank.StandardError < 0.03 * exact);
        Assert.Equal(exact, rank.Value!.Value, 4 * rank.StandardError);
    }

    private static IEnumerable<double> Exact(AdapterSet adapters) => adapters.Entries.Select(e =>
    {
        using Parameter update = DenseUpdate.Of(e.Projection, e.Adapter);
        return EffectiveRank.OfMatrix(update.Data, e.Projection.Out, e.Projection.In);
    });

    public void Dispose() => _folder.Dispose();

    private AdapterSet Saved(Func<Projection, ulong, Adapter> make, bool trained, LlamaModel? model = null)
    {
        AdapterSet adapters = new((model ?? Model).Projections, AdapterTargets.Parse("q,v,down"), make);
        IReadOnlyList<Parameter> parameters = adapters.Parameters;
        for (int i = 0; trained && i < parameters.Count; i++) parameters[i].FillNormal(0.5f, seed: 3, (ulong)i);
        AdapterFolder.Save(_folder.Path, model ?? Model, adapters, new AdapterOrigin("base", null));
        return adapters;
    }
}
