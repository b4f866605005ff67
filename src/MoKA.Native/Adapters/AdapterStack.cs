using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;
using MoKA.Native.Ops;

namespace MoKA.Native.Adapters;

/// <summary>
/// Several adapters on one model at once, each with a weight that may change between passes:
/// y = W x + Σ_i w_i (f_i(x) - W x), f_i being the map that adapter i alone makes of W. Weight 0 switches an adapter off, and
/// one adapter of weight 1 is that adapter alone. The base is never read again.
/// </summary>
public sealed class AdapterStack
{
    private readonly AdapterSet[] _sets;
    private readonly float[] _weights;
    private (Projection Projection, ILinear Frozen)[] _attached = [];

    /// <summary>Adapters of one model, none of them attached, with their first weights.</summary>
    public AdapterStack(IReadOnlyList<(AdapterSet Adapters, float Weight)> adapters)
    {
        (_sets, _weights) = ([.. adapters.Select(a => a.Adapters)], new float[adapters.Count]);
        for (int i = 0; i < _weights.Length; i++) SetWeight(i, adapters[i].Weight);
    }

    /// <summary>The adapters, in the order given.</summary>
    public IReadOnlyList<AdapterSet> Sets => _sets;

    /// <summary>How much each adapter counts.</summary>
    public IReadOnlyList<float> Weights => _weights;

    /// <summary>Makes an adapter count more or less from the next pass on.</summary>
    /// <exception cref="MokaException">The weight is infinite or not a number.</exception>
    public void SetWeight(int adapter, float weight) =>
        _weights[adapter] = float.IsFinite(weight) ? weight : throw new MokaException($"Adapter weight: must be a finite number, got {weight}.");

    /// <summary>Puts all of them on the model.</summary>
    public void Attach()
    {
        Detach();
        var places = _sets.SelectMany((set, i) => set.Entries.Select(e => (e.Projection, e.Adapter, Index: i))).GroupBy(e => e.Projection);
        _attached = [.. places.Select(place =>
        {
            ILinear frozen = place.Key.Current;
            place.Key.Replace(new StackedLinear(frozen, [.. place.Select(e => (e.Adapter, e.Index))], _weights));
            return (place.Key, frozen);
        })];
    }

    /// <summary>Takes them off: the model is the base again.</summary>
    public void Detach()
    {
        foreach ((Projection projection, ILinear frozen) in _attached) projection.Replace(frozen);
        _attached = [];
    }
}

/// <summary>A linear map with several adapters beside it, whose weights stand in a list that they share with the model's other maps.</summary>
file sealed class StackedLinear(ILinear frozen, (Adapter Adapter, int Index)[] adapters, float[] weights) : ILinear
{
    public int In => frozen.In;

    public int Out => frozen.Out;

    public Tensor Forward(Tape tape, Tensor x)
    {
        Tensor y = frozen.Forward(tape, x);
        foreach ((Adapter adapter, int index) in adapters)
        {
            float weight = weights[index];
            if (weight == 0) continue;
            if (weight == 1 && adapter is AdditiveAdapter additive)
            {
                y = additive.AddDelta(tape, x, y);
                continue;
            }
            // f(x) - W x, from a fresh W x: what other adapters added is not this one's.
            Tensor alone = adapter.Forward(tape, frozen, x), change = Op.Add(tape, alone, Op.Scale(tape, frozen.Forward(tape, x), -1), inPlace: true);
            y = Op.Add(tape, y, Op.Scale(tape, change, weight), inPlace: true);
        }
        return y;
    }

    public void CopyWeight(Span<float> weight)
    {
        frozen.CopyWeight(weight);
        using Parameter plain = new("weight", new Shape(Out, In), trainable: false), alone = new("adapted", new Shape(Out, In), trainable: false);
        weight.CopyTo(plain.Data);
        foreach ((Adapter adapter, int index) in adapters)
        {
            plain.Data.CopyTo(alone.Data);
            adapter.Merge(alone.Data);
            for (int i = 0; i < weight.Length; i++) weight[i] += weights[index] * (alone.Data[i] - plain.Data[i]);
        }
    }
}
