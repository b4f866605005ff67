using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>Writes a matrix's floats, row by row.</summary>
internal delegate void CopyFloats(Span<float> weight);

/// <summary>Is shown a matrix that was just quantised, beside its floats.</summary>
internal delegate void SeeQuantized(string name, ReadOnlySpan<float> floats, FrozenMatrix matrix);

/// <summary>Adds a model's weights to a safetensors file, each stored as asked; quantising waits until the file is written.</summary>
/// <param name="writer">The file to be.</param>
/// <param name="dtype">The floating-point type of what is not quantised: what other tools compute with.</param>
/// <param name="see">Told of each matrix that is quantised, every time it is.</param>
/// <param name="cancel">Stops before the next matrix.</param>
internal sealed class WeightWriter(SafetensorsWriter writer, WeightStorage dtype, SeeQuantized? see = null, CancellationToken cancel = default) : IDisposable
{
    // A weight in NF4 is several tensors, most of them side by side in the file: the last one is quantised once for all.
    private string _lastName = "";
    private FrozenMatrix? _last;

    /// <summary>PyTorch's name of a floating-point storage.</summary>
    public static string DtypeName(WeightStorage storage) => storage switch
    {
        WeightStorage.F16 => "float16",
        WeightStorage.BF16 => "bfloat16",
        _ => "float32",
    };

    /// <summary>Adds a norm, in floats.</summary>
    public void Add(string name, Parameter norm) => writer.Add(name, ElementType.F32, [norm.Shape.Count], stream => stream.WriteFloats(norm.Data));

    /// <summary>Adds a linear map or a table.</summary>
    public void Add(string name, ILinear map, WeightStorage storage)
    {
        // Quantising is idempotent on a matrix that came from codes only up to rounding, so such a one keeps its codes.
        if (map is Projection place) map = place.Current;
        if (map is FrozenLinear { Weight: { } stored } && stored.Storage == storage && storage != WeightStorage.F32) AddMatrix(name, map.Out, map.In, storage, () => stored);
        else Add(name, map.Out, map.In, storage, map.CopyWeight);
    }

    /// <summary>Adds a matrix [rows, columns] whose floats are asked for when they are needed, and perhaps once more.</summary>
    public void Add(string name, int rows, int columns, WeightStorage storage, CopyFloats copy)
    {
        if (storage == WeightStorage.F32) writer.Add(name, ElementType.F32, [rows, columns], stream => WriteFloats(stream, rows, columns, copy));
        else AddStored(name, rows, columns, storage, () => Quantize(name, rows, columns, storage, copy));
    }

    /// <summary>Adds a matrix that is made when it is needed, and perhaps once more.</summary>
    public void AddStored(string name, int rows, int columns, WeightStorage storage, Func<FrozenMatrix> create) => AddMatrix(name, rows, columns, storage, () => Last(name, create));

    /// <summary>Frees the last matrix.</summary>
    public void Dispose() => _last?.Dispose();

    private void AddMatrix(string name, int rows, int columns, WeightStorage storage, Func<FrozenMatrix> quantize)
    {
        if (storage.AsBlocks() is { } type) writer.AddBlocks(name, type, rows, columns, () => (BlockMatrix)quantize());
        else if (storage.AsCodebook() is not null) BitsAndBytes.Add(writer, name, DtypeName(dtype), () => (CodebookMatrix)quantize());
        else throw new MokaException($"{name}: a weight must be written in one of the types from {WeightStorage.F32} to {WeightStorage.FP4Double}, got {storage}; choose one.");
    }

    private FrozenMatrix Last(string name, Func<FrozenMatrix> create)
    {
        if (_last is not null && _lastName == name) return _last;
        _last?.Dispose();
        _last = null;
        _lastName = name;
        return _last = create();
    }

    private FrozenMatrix Quantize(string name, int rows, int columns, WeightStorage storage, CopyFloats copy)
    {
        using Parameter floats = Dense(rows, columns, copy);
        FrozenMatrix matrix = storage.Quantize(floats.Data, rows, columns, name);
        see?.Invoke(name, floats.Data, matrix);
        return matrix;
    }

    private Parameter Dense(int rows, int columns, CopyFloats copy)
    {
        cancel.ThrowIfCancellationRequested();
        Parameter floats = new("floats", new Shape(rows, columns), trainable: false);
        copy(floats.Data);
        return floats;
    }

    private void WriteFloats(Stream stream, int rows, int columns, CopyFloats copy)
    {
        using Parameter floats = Dense(rows, columns, copy);
        stream.WriteFloats(floats.Data);
    }
}
