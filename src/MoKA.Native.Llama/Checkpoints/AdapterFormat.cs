using System.Text.Json;
using MoKA.Native.Adapters;
using MoKA.Native.Checkpoints;
using MoKA.Native.LinearAlgebra;
using MoKA.Native.Nn;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>How one kind of adapter is kept in a folder of PEFT's style: its peft_type, its options, its tensors' names.</summary>
internal abstract class AdapterFormat
{
    /// <summary>Every kind. An adapter is written by the first that holds it.</summary>
    public static IReadOnlyList<AdapterFormat> All { get; } = [new MokaFormat(), new MokaSFormat(), new KronaFormat(), new LoraFormat(), new LokrFormat()];

    /// <summary>What adapter_config.json calls it.</summary>
    public abstract string PeftType { get; }

    /// <summary>Whether it is the format of this adapter.</summary>
    public abstract bool Holds(Adapter adapter);

    /// <summary>A parameter's tensor under the stem of its module: ".lora_A.weight".</summary>
    public abstract string Suffix(string parameter);

    /// <summary>What separates a stem from the rest of a tensor's name.</summary>
    protected abstract string Marker { get; }

    /// <summary>What the description says once for all adapters and no exception can change, in words.</summary>
    public abstract string Shared(Adapter adapter);

    /// <summary>Writes the options that all adapters of a model share, and where these differ the exceptions; keys in ordinal order.</summary>
    public abstract void WriteOptions(ConfigMembers members, IReadOnlyList<(string Module, Adapter Adapter)> adapters);

    /// <summary>The stem of a tensor's name, or null when it is none of this kind of adapter.</summary>
    public string? StemOf(string tensor)
    {
        int at = tensor.IndexOf(Marker, StringComparison.Ordinal);
        return at > 0 ? tensor[..at] : null;
    }

    /// <summary>How an adapter was built, in a line for a person.</summary>
    public abstract string Method(AdapterConfig config);

    /// <summary>What a module's tensors hold, without its base.</summary>
    public abstract IReadOnlyList<AdapterPart> Parts(AdapterConfig config, ModuleTensors tensors);

    /// <summary>The sizes of the map that a module's tensors change, or null where they and the description do not tell.</summary>
    public abstract (int Outputs, int Inputs)? SizeOf(AdapterConfig config, ModuleTensors tensors);

    /// <summary>An adapter for the tensors that a file has under a stem, its numbers still to be filled in.</summary>
    public abstract Adapter Create(AdapterConfig config, ModuleTensors tensors, Projection projection);
}

/// <summary>The members of an adapter_config.json by name, so that they can be written in ordinal order as Python's json does.</summary>
internal sealed class ConfigMembers : SortedDictionary<string, Action<Utf8JsonWriter>>
{
    public ConfigMembers() : base(StringComparer.Ordinal)
    {
    }

    public void Add(string key, string? value) => this[key] = json => json.WriteStringValue(value);

    public void Add(string key, bool value) => this[key] = json => json.WriteBooleanValue(value);

    public void Add(string key, int value) => this[key] = json => json.WriteNumberValue(value);

    public void Add(string key, float value) => this[key] = json => json.WriteNumberValue(value);

    public void AddNull(string key) => this[key] = json => json.WriteNullValue();

    public void Add(string key, IEnumerable<string> values) => this[key] = json =>
    {
        json.WriteStartArray();
        foreach (string value in values) json.WriteStringValue(value);
        json.WriteEndArray();
    };

    /// <summary>Lists of whole numbers by name.</summary>
    public void Add(string key, IEnumerable<(string Name, IReadOnlyList<int> Values)> lists) => this[key] = json =>
    {
        json.WriteStartObject();
        foreach ((string name, IReadOnlyList<int> values) in lists)
        {
            json.WriteStartArray(name);
            foreach (int value in values) json.WriteNumberValue(value);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    };

    /// <summary>Numbers by module, for those that differ from the rule.</summary>
    public void Add(string key, IEnumerable<(string Module, float Value)> exceptions) => this[key] = json =>
    {
        json.WriteStartObject();
        foreach ((string module, float value) in exceptions)
        {
            json.WritePropertyName(module);
            json.WriteNumberValue(value);
        }
        json.WriteEndObject();
    };
}

/// <summary>The tensors of one adapted module.</summary>
/// <param name="File">The file.</param>
/// <param name="Stem">What their names begin with.</param>
/// <param name="Module">The module as patterns name it: model.layers.0.self_attn.q_proj.</param>
internal sealed record ModuleTensors(SafetensorsFile File, string Stem, string Module)
{
    /// <summary>The longest side of a map; the largest heads of known models have a fourth of it.</summary>
    private const int LongestSide = 1 << 20;

    /// <summary>Whether there is one.</summary>
    public bool Has(string suffix) => File.Tensors.ContainsKey(Stem + suffix);

    /// <summary>The matrix of that ending; both its lengths fit an int.</summary>
    public (int Rows, int Columns) Matrix(string suffix)
    {
        TensorEntry entry = File.Tensors.TryGetValue(Stem + suffix, out TensorEntry? found) ? found : throw Missing(suffix);
        if (entry.Dims.Length != 2 || entry.Dims.Any(d => d is < 1 or > int.MaxValue))
            throw Error($"{Diagnostics.Quoted.Name(entry.Name)} must be a matrix, got {Diagnostics.Quoted.Dims(entry.Dims.AsSpan())}.");
        return ((int)entry.Dims[0], (int)entry.Dims[1]);
    }

    /// <summary>The sizes of A ⊗ B by the sizes of its factors.</summary>
    public (int Outputs, int Inputs) KroneckerSize((int Rows, int Columns) a, (int Rows, int Columns) b)
    {
        (long outputs, long inputs) = ((long)a.Rows * b.Rows, (long)a.Columns * b.Columns);
        return Math.Max(outputs, inputs) <= LongestSide
            ? ((int)outputs, (int)inputs)
            : throw Error($"{Diagnostics.Quoted.Name(Stem)} must change a map of at most {LongestSide} a side, got [{outputs}, {inputs}]; check that the file is an adapter of a language model.");
    }

    /// <summary>The Frobenius norm of the tensor of that ending.</summary>
    public double Norm(string suffix) => FrobeniusNorm.Of(Floats(suffix));

    /// <summary>The numbers of the tensor of that ending; it must be of a floating-point type and finite.</summary>
    public float[] Floats(string suffix)
    {
        TensorEntry entry = File.Tensors.TryGetValue(Stem + suffix, out TensorEntry? found) ? found : throw Missing(suffix);
        if (entry.ElementCount > int.MaxValue / sizeof(float)) throw Error($"{Diagnostics.Quoted.Name(entry.Name)} is too large for an adapter, got {Diagnostics.Quoted.Dims(entry.Dims.AsSpan())}.");
        float[] values = new float[entry.ElementCount];
        ModelFolder.ReadFinite(File, entry.Name, values);
        return values;
    }

    /// <summary>softmax(g / τ) of the gate of that ending, or equal weights where there is none.</summary>
    public double[] Gate(string suffix, int filters, float temperature)
    {
        if (!Has(suffix)) return [.. Enumerable.Repeat(1.0 / filters, filters)];
        float[] logits = Floats(suffix);
        if (logits.Length != filters) throw Error($"{Diagnostics.Quoted.Name(Stem + suffix)} must be [{filters}], got [{logits.Length}].");
        double max = logits.Max() / (double)temperature, sum = logits.Sum(g => Math.Exp(g / (double)temperature - max));
        return [.. logits.Select(g => Math.Exp(g / (double)temperature - max) / sum)];
    }

    /// <summary>An error about this file.</summary>
    public Diagnostics.MokaException Error(string message) => new($"{File.Path}: {message}");

    private Diagnostics.MokaException Missing(string suffix) =>
        Error($"the tensor '{Stem}{suffix}' is missing; check that the adapter is for this model and that its files belong together.");
}
