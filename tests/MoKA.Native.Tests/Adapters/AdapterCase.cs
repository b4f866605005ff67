using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Adapters;

/// <summary>One way to configure an adapter for a map [32, 64], and how many trainable numbers it must have there.</summary>
public sealed record AdapterCase(Func<ILinear, Adapter> Create, long ParameterCount)
{
    public const int Outputs = 32, Inputs = 64;

    /// <summary>Whether the configuration is for maps of all lengths.</summary>
    public bool FitsAnyMap { get; init; } = true;

    /// <summary>The adapter of a map with every parameter away from where it starts.</summary>
    public Adapter CreateTrained(ILinear frozen)
    {
        Adapter adapter = Create(frozen);
        for (int i = 0; i < adapter.Parameters.Count; i++) adapter.Parameters[i].FillNormal(0.3f, seed: 11, (ulong)i);
        return adapter;
    }
}

/// <summary>What an adapter's author gives the contract: its configurations and its definition in double.</summary>
public interface IAdapterSubject
{
    /// <summary>The configurations by name.</summary>
    static abstract IReadOnlyDictionary<string, AdapterCase> Cases { get; }

    /// <summary>The probability with which the adapter drops an input in training.</summary>
    static virtual float Dropout(Adapter adapter) => 0;

    /// <summary>The changed map's output for x by the definition, W x + Δ d unless said otherwise; d is what dropout leaves of x.</summary>
    internal static abstract Matrix<double> Output(Adapter adapter, ExactNumbers numbers, Matrix<double> weight, Matrix<double> x, Matrix<double> dropped);
}

/// <summary>The kinds of frozen map that an adapter is put on.</summary>
internal static class FrozenMaps
{
    public const string Float = "float", Int4 = "int4";

    /// <summary>Every kind by name: floats, and each storage that a base can have.</summary>
    public static IReadOnlyList<string> All { get; } = [Float, Int4, nameof(WeightStorage.BF16), nameof(WeightStorage.F16), nameof(WeightStorage.Q8_0), nameof(WeightStorage.NF4), nameof(WeightStorage.NF4Double)];

    public static ILinear Create(string kind, int outputs, int inputs)
    {
        Parameter weight = new("W", new Shape(outputs, inputs), trainable: false);
        weight.FillNormal(0.2f, seed: 5, stream: 0);
        if (kind == Float) return new Linear(weight);
        WeightStorage storage = kind == Int4 ? WeightStorage.Q4_0 : Enum.Parse<WeightStorage>(kind);
        using (weight) return new FrozenLinear(storage.Quantize(weight.Data, outputs, inputs));
    }

    /// <summary>The map's matrix, exactly.</summary>
    public static Matrix<double> Dense(ILinear map)
    {
        float[] weight = new float[map.Out * map.In];
        map.CopyWeight(weight);
        return new Matrix<double>(map.Out, map.In, Norms.Exact(weight));
    }

    /// <summary>What the map holds, to the bit: the blocks of a quantised one.</summary>
    public static byte[] Stored(ILinear map)
    {
        byte[] stored = map switch
        {
            FrozenLinear { Weight: BlockMatrix blocks } => blocks.Bytes.ToArray(),
            FrozenLinear { Weight: CodebookMatrix codes } => [.. codes.Codes, .. codes.MagnitudeBytes],
            Linear l => System.Runtime.InteropServices.MemoryMarshal.AsBytes(l.Weight.Data).ToArray(),
            _ => throw new ArgumentException("A frozen map is float or int4."),
        };
        GC.KeepAlive(map);
        return stored;
    }
}
