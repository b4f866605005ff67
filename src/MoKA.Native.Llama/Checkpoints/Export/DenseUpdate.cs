using MoKA.Native.Adapters;
using MoKA.Native.Nn;

namespace MoKA.Native.Llama.Checkpoints.Export;

/// <summary>What an adapter does to the weight of its map, written out.</summary>
internal static class DenseUpdate
{
    /// <summary>ΔW [Out, In] of an adapter that is not attached.</summary>
    public static Parameter Of(Projection place, Adapter adapter)
    {
        Parameter update = new("update", new Shape(place.Out, place.In), trainable: false);
        if (adapter is AdditiveAdapter)
        {
            adapter.Merge(update.Data);
            return update;
        }
        place.CopyWeight(update.Data);
        adapter.Merge(update.Data);
        Subtract(update.Data, place);
        return update;
    }

    /// <summary>How the weight of one map [Out, In] differs from that of another.</summary>
    public static Parameter Between(ILinear tuned, ILinear before)
    {
        Parameter update = new("update", new Shape(tuned.Out, tuned.In), trainable: false);
        tuned.CopyWeight(update.Data);
        Subtract(update.Data, before);
        return update;
    }

    private static void Subtract(Span<float> from, ILinear map)
    {
        using Parameter weight = new("weight", new Shape(map.Out, map.In), trainable: false);
        map.CopyWeight(weight.Data);
        ReadOnlySpan<float> less = weight.Data;
        for (int i = 0; i < from.Length; i++) from[i] -= less[i];
    }
}
