using MoKA.Native.Adapters;
using MoKA.Native.Llama;

namespace MoKA.Native.Tests.Adapters;

/// <summary>The contract of an adapter that has a file format.</summary>
public abstract class StoredAdapterContract<TSubject> : AdapterContract<TSubject> where TSubject : IStoredAdapterSubject
{
    [Theory]
    [MemberData(nameof(Grid))]
    public void Saved_and_loaded_parameters_have_the_same_bits(string name, string map)
    {
        using TempFolder folder = new();
        LlamaConfig config = TinyLlama.Config with { HeadDim = AdapterCase.Outputs / TinyLlama.Config.Heads, HiddenSize = AdapterCase.Inputs };
        LlamaModel model = TinyLlama.Create(config, int4: map == FrozenMaps.Int4);
        AdapterSet saved = new(model.Projections, AdapterTargets.Parse("q"), (p, _) => TSubject.Cases[name].CreateTrained(p.Current));
        TSubject.Save(folder.Path, model, saved);
        AdapterSet loaded = TSubject.Load(folder.Path, model);
        Assert.Equal(saved.Parameters.Select(p => (p.Name, p.Shape)), loaded.Parameters.Select(p => (p.Name, p.Shape)));
        foreach ((Parameter expected, Parameter actual) in saved.Parameters.Zip(loaded.Parameters)) Bits.Equal(expected.Data, actual.Data, expected.Name);
        loaded.Attach();
        float[] reloaded = Forward(model.Projections[0], training: true);
        loaded.Detach();
        saved.Attach();
        Bits.Equal(Forward(model.Projections[0], training: true), reloaded, "an output of the loaded adapter");
    }
}
