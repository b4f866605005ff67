using MoKA.Native.Adapters;
using MoKA.Native.Autograd;
using MoKA.Native.Llama;

namespace MoKA.Native.Tests.Adapters;

/// <summary>Several adapters on one base: alone they are themselves, together they add up, and the base comes back.</summary>
public sealed class AdapterStackTests
{
    private static readonly int[] Tokens = [1, 5, 22, 7, 9];
    private readonly LlamaModel _model = TinyLlama.Create(TinyLlama.Config, int4: true);

    [Theory]
    [MemberData(nameof(Methods.Names), MemberType = typeof(Methods))]
    public void One_adapter_of_weight_one_is_that_adapter(string method)
    {
        AdapterSet set = Trained(method, seed: 3);
        set.Attach();
        float[] expected = Logits();
        set.Detach();
        AdapterStack stack = new([(set, 1)]);
        float[] plain = Logits();
        stack.Attach();
        Assert.True(Norms.Distance([.. expected.Select(x => (double)x)], Logits()) <= 1e-5 * Norms.Of(expected));
        stack.SetWeight(0, 0);
        Bits.Equal(plain, Logits(), "switched off");
        stack.Detach();
        Bits.Equal(plain, Logits(), "taken off");
    }

    [Fact]
    public void Weighted_adapters_of_several_kinds_add_up_to_the_weighted_sum_of_their_weights()
    {
        (string Method, float Weight)[] chosen = [("moka", 1), ("dora", 0.5f), ("lora", -2), ("lokr whole", 1)];
        AdapterSet[] sets = [.. chosen.Select((c, i) => Trained(c.Method, (ulong)i))];
        AdapterStack stack = new([.. sets.Zip(chosen, (s, c) => (s, c.Weight))]);
        MoKA.Native.Nn.Projection place = _model.Projections[0];
        float[] plain = Dense(place), expected = [.. plain];
        for (int i = 0; i < sets.Length; i++)
        {
            sets[i].Attach();
            float[] alone = Dense(place);
            sets[i].Detach();
            for (int j = 0; j < expected.Length; j++) expected[j] += chosen[i].Weight * (alone[j] - plain[j]);
        }
        stack.Attach();
        float[] merged = Dense(place);
        Assert.True(Norms.Distance([.. expected.Select(x => (double)x)], merged) <= 1e-5 * Norms.Of(expected));

        // And the map computes what its merged weight computes.
        using Tape tape = new(Cpus.Widest, gradients: false);
        using Parameter x = Draw.Parameter(1, new Shape(3, place.In)), weight = new("merged", new Shape(place.Out, place.In));
        merged.CopyTo(weight.Data);
        float[] computed = place.Forward(tape, x).Data.ToArray(), exact = new MoKA.Native.Nn.Linear(weight).Forward(tape, x).Data.ToArray();
        Assert.True(Norms.Distance([.. exact.Select(v => (double)v)], computed) <= 1e-5 * Norms.Of(exact));
        stack.Detach();
        Bits.Equal(plain, Dense(place), "the base");
    }

    [Fact]
    public void A_weight_must_be_a_number()
    {
        AdapterStack stack = new([(Trained("lora", 1), 1)]);
        ErrorLine.Of(() => stack.SetWeight(0, float.NaN), "finite");
        ErrorLine.Of(() => _ = new AdapterStack([(stack.Sets[0], float.PositiveInfinity)]), "finite");
        Assert.Equal([1f], stack.Weights);
    }

    private AdapterSet Trained(string method, ulong seed)
    {
        AdapterSet set = new(_model.Projections, AdapterTargets.Parse("q,v,down"), (p, place) => Methods.All[method].Create(p.Current, seed, place));
        for (int i = 0; i < set.Parameters.Count; i++) set.Parameters[i].FillNormal(0.2f, seed + 30, (ulong)i);
        return set;
    }

    private float[] Logits()
    {
        using Tape tape = new(Cpus.Widest, gradients: false);
        return _model.Logits(tape, Tokens, new Sequences(new[] { 0, Tokens.Length })).Data.ToArray();
    }

    private static float[] Dense(MoKA.Native.Nn.Projection place)
    {
        float[] weight = new float[place.Out * place.In];
        place.CopyWeight(weight);
        return weight;
    }
}
