using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Tests.Llama.Training;

/// <summary>What each method would train: the published counts of LLaMA-2-7B and LLaMA-3-8B, and the real adapters of a small model.</summary>
public sealed class AdapterPlanTests
{
    private const string Five = "q,k,v,up,down";
    private static readonly LlamaConfig Llama2 = LlamaShapes.Find("llama-2-7b"), Llama3 = LlamaShapes.Find("llama-3-8b");

    [Theory]
    [InlineData("llama-2-7b", 5_242_880)]
    [InlineData("llama-3-8b", 3_932_160)]
    public void Ten_filters_on_q_and_v_count_as_published_and_a_gate_more(string model, long filters)
    {
        AdapterPlan plan = new(LlamaShapes.Find(model), new MokaOptions(), AdapterTargets.Parse("q,v"));
        Assert.Equal((filters + 640, 640L), (plan.Parameters, plan.Gates));
        Assert.Equal(["q", "v"], plan.Kinds.Select(k => k.Kind));
    }

    [Theory]
    [InlineData("q,v", 524_288, 425_984)]
    [InlineData("q,k,v,o", 1_048_576, 851_968)]
    [InlineData(Five, 1_753_088, 1_769_472)]
    [InlineData("all", 2_498_560, 2_621_440)]
    public void Low_rank_counts_by_unit_of_rank(string targets, long llama2, long llama3)
    {
        foreach (int rank in (int[])[1, 3])
        {
            Assert.Equal(rank * llama2, new AdapterPlan(Llama2, new LoraOptions { Rank = rank }, AdapterTargets.Parse(targets)).Parameters);
            Assert.Equal(rank * llama3, new AdapterPlan(Llama3, new LoraOptions { Rank = rank }, AdapterTargets.Parse(targets)).Parameters);
        }
        // A row of A and one of B are multiplied once each.
        AdapterPlan one = new(Llama2, new LoraOptions { Rank = 1 }, AdapterTargets.Parse(targets));
        Assert.Equal(one.Parameters, one.Cost);
    }

    [Theory]
    [InlineData("q,v", 262_144, 163_840)]
    [InlineData("q,k,v,o", 524_288, 327_680)]
    [InlineData(Five, 876_544, 786_432)]
    [InlineData("all", 1_359_872, 1_376_256)]
    public void Magnitudes_are_one_an_output(string targets, long llama2, long llama3)
    {
        long Magnitudes(LlamaConfig config) => new AdapterPlan(config, new LoraOptions { Rank = 2, Decomposed = true }, AdapterTargets.Parse(targets)).Parameters
            - new AdapterPlan(config, new LoraOptions { Rank = 2 }, AdapterTargets.Parse(targets)).Parameters;
        Assert.Equal((llama2, llama3), (Magnitudes(Llama2), Magnitudes(Llama3)));
    }

    [Fact]
    public void The_usual_table_has_every_method_as_published()
    {
        Dictionary<string, AdapterPlan> plans = AdapterPlan.Usual(Llama3).ToDictionary(p => $"{p.Method.Method} {p.Method.Brief} {p.Targets}");
        Assert.Equal(["MoKA r = 10 q,v", "MoKA r = 10 all", "MoKA_s both sides q,v", "KronA square q,v", "LoKr r = 8 q,v", "LoRA r = 16 q,v", $"LoRA r = 32 {Five}", "DoRA r = 16 q,v", $"DoRA r = 32 {Five}"], plans.Keys);
        Assert.Equal(56_623_104, plans[$"LoRA r = 32 {Five}"].Parameters);
        Assert.Equal(56_623_104 + 786_432, plans[$"DoRA r = 32 {Five}"].Parameters);
        Assert.Equal(56_623_104 / (double)Llama3.ParameterCount, plans[$"LoRA r = 32 {Five}"].Share);
        Assert.Equal(32 * (8192 + 4096), plans["KronA square q,v"].Parameters);
        // Two filters a map, I_16 ⊗ M and M ⊗ I_16, M a 256th of the map, and their gate.
        Assert.Equal(32 * (2 * (4096 * 4096 + 1024 * 4096) / 256 + 4), plans["MoKA_s both sides q,v"].Parameters);
        Assert.Equal(56_098_816, AdapterPlan.Usual(Llama2).Single(p => p.Method is { Method: "LoRA", Brief: "r = 32" }).Parameters);
    }

    [Fact]
    public void A_square_map_costs_LoKr_what_its_authors_count_and_what_the_factors_multiply()
    {
        Assert.Equal(5_120, new LokrOptions().ParametersFor(4096, 4096));
        Assert.Equal(8_192, new LokrOptions { Rank = 32 }.ParametersFor(4096, 4096));
        Assert.Equal(524_288, new LokrOptions { Rank = 32 }.CostFor(4096, 4096));
        // I_64 ⊗ W2_b [8, 64], then W1 [64, 64] ⊗ W2_a [64, 8] with W1 first.
        Assert.Equal(64 * 8 * 64 + 64 * 64 * 8 + 64 * 8 * 64, new LokrOptions().CostFor(4096, 4096));
        // The five shapes of the default mixture, twice each.
        Assert.Equal(2 * (524_288 + 2 * 262_144 + 2 * 131_072), new MokaOptions().CostFor(4096, 4096));
    }

    [Fact]
    public void Options_change_every_row_they_concern()
    {
        IReadOnlyList<AdapterPlan> plans = AdapterPlan.Usual(Llama2, filters: 3, rank: 4, AdapterTargets.Parse("k,o"));
        Assert.All(plans, p => Assert.Equal(["k", "o"], p.Kinds.Select(k => k.Kind)));
        Assert.Equal(["MoKA r = 3", "MoKA_s both sides", "KronA square", "LoKr r = 8", "LoRA r = 4", "DoRA r = 4"], plans.Select(p => $"{p.Method.Method} {p.Method.Brief}"));
        ErrorLine.Of(() => AdapterPlan.Usual(Llama2, targets: AdapterTargets.Parse("q,x\n")), "'x", "gate");
        ErrorLine.Of(() => AdapterPlan.Usual(Llama2, filters: 0), "Filters");
    }

    [Fact]
    public void A_real_model_trains_what_was_planned()
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config);
        AdapterSet moka = TinyLlama.Adapt(model, "q,v,down", new MokaOptions { Filters = 4 });
        Assert.Equal(moka.ParameterCount, new AdapterPlan(TinyLlama.Config, new MokaOptions { Filters = 4 }, moka.Targets).Parameters);
        LoraOptions options = new() { Rank = 3 };
        AdapterSet dora = new(model.Projections, AdapterTargets.Parse("all"), (p, place) => new DoraAdapter(p.Current, options, seed: 1, place));
        Assert.Equal(dora.ParameterCount, new AdapterPlan(TinyLlama.Config, options with { Decomposed = true }, dora.Targets).Parameters);
    }
}
