using MoKA.Native.Adapters;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;

namespace MoKA.Native.Llama.Checkpoints.Export;

/// <summary>
/// LoRA as mlx-lm saves it: <c>adapters.safetensors</c> with lora_a [in, r] and lora_b [r, out] of each module, ΔW = scale (a b)ᵀ,
/// beside an <c>adapter_config.json</c> that has the name of PEFT's but holds the training's arguments.
/// </summary>
public static class MlxLora
{
    /// <summary>The tensors' file in a folder.</summary>
    public const string WeightsFile = "adapters.safetensors";

    /// <summary>Whether a folder is such an adapter: it has the file, and its description no peft_type.</summary>
    public static bool IsFolder(string path)
    {
        if (!Directory.Exists(path) || !File.Exists(Path.Combine(path, WeightsFile))) return false;
        string config = Path.Combine(path, AdapterFolder.ConfigFile);
        return !File.Exists(config) || AdapterConfig.Read(config).Text("peft_type") is null;
    }

    /// <summary>Reads an adapter for a model, as LoRA adapters that are not attached.</summary>
    /// <param name="path">The folder, or the file of tensors alone.</param>
    /// <param name="model">The base.</param>
    /// <param name="scale">The factor on the updates; that of the description unless given.</param>
    /// <exception cref="MokaException">A file is missing or damaged, it is no LoRA, it belongs to another model, or no scale is known.</exception>
    public static AdapterSet Read(string path, LlamaModel model, float? scale = null)
    {
        string weights = Directory.Exists(path) ? Path.Combine(path, WeightsFile) : path;
        float factor = scale ?? ScaleOf(path);
        if (!(factor > 0 && float.IsFinite(factor))) throw new MokaException(FormattableString.Invariant($"Scale: must be a positive number, got {factor}."));
        using SafetensorsFile file = new(weights);
        HashSet<string> unread = [.. file.Tensors.Keys];
        List<(Projection Place, Adapter)> entries = [];
        foreach ((int layer, Projection place) in model.Blocks.SelectMany((block, layer) => block.Projections.Select(p => (layer, p))))
        {
            string stem = HuggingFaceNames.Module(layer, place.Kind);
            // Both, so that one without the other is missed by its name.
            if (!(unread.Remove(stem + HuggingFaceNames.MlxA) | unread.Remove(stem + HuggingFaceNames.MlxB))) continue;
            LowRankProduct product = Product(file, stem);
            if (product.Outputs != place.Out || product.Inputs != place.In)
                throw new MokaException($"{Quoted.Plain(file.Path)}: {Quoted.Name(stem)} must change the weight [{place.Out}, {place.In}], got one [{product.Outputs}, {product.Inputs}]; give the model that the adapter is for.");
            entries.Add((place, product.ToLora(factor * product.Rank)));
        }
        if (unread.Count > 0) throw new MokaException($"{Quoted.Plain(file.Path)}: the tensor {Quoted.Name(unread.Order(StringComparer.Ordinal).First())} is no LoRA of a projection of this model; give the model that the adapter is for, and only LoRA is read.");
        if (entries.Count == 0) throw new MokaException($"{Quoted.Plain(file.Path)}: the file must change at least one projection, got none; check that it is an adapter.");
        return new AdapterSet(entries, AdapterTargets.Parse(string.Join(',', entries.Select(e => e.Place.Kind).Distinct())));
    }

    /// <summary>The modules that a file of tensors changes, with their lengths and ranks; it needs no model.</summary>
    /// <exception cref="MokaException">The file is damaged, or a module lacks one of its tensors.</exception>
    public static IReadOnlyList<(string Module, LowRankProduct Product)> Modules(string file)
    {
        using SafetensorsFile tensors = new(file);
        return [.. tensors.Tensors.Keys.Where(name => name.EndsWith(HuggingFaceNames.MlxA, StringComparison.Ordinal)).Order(StringComparer.Ordinal)
            .Select(name => name[..^HuggingFaceNames.MlxA.Length]).Select(stem => (stem, Product(tensors, stem)))];
    }

    /// <summary>A = aᵀ [r, in] and B = bᵀ [out, r], without the scale.</summary>
    private static LowRankProduct Product(SafetensorsFile file, string stem)
    {
        ModuleTensors tensors = new(file, stem, stem);
        (int inputs, int rank) = tensors.Matrix(HuggingFaceNames.MlxA);
        (int rankB, int outputs) = tensors.Matrix(HuggingFaceNames.MlxB);
        if (rank != rankB) throw tensors.Error($"{Quoted.Name(stem)} must have lora_a [in, r] and lora_b [r, out], got [{inputs}, {rank}] and [{rankB}, {outputs}]; check that it is an adapter of mlx-lm.");
        return new LowRankProduct(outputs, inputs, rank, Transposed(tensors.Floats(HuggingFaceNames.MlxB), rank, outputs), Transposed(tensors.Floats(HuggingFaceNames.MlxA), inputs, rank));
    }

    private static float ScaleOf(string path)
    {
        string config = Path.Combine(path, AdapterFolder.ConfigFile);
        if (!File.Exists(config)) throw new MokaException($"{Quoted.Plain(path)}: without {AdapterFolder.ConfigFile} beside the tensors nothing tells the scale of the update; give it (mlx-lm's own default is 20).");
        AdapterConfig description = AdapterConfig.Read(config);
        if (description.Text("fine_tune_type") is { } type and not "lora") throw description.Error($"fine_tune_type must be lora, got {Quoted.Name(type)}; other kinds of mlx-lm are not read.");
        return description.Member("lora_parameters")?.Number("scale") ?? throw description.Error("lora_parameters must have the scale of the update, got none; give it.");
    }

    private static float[] Transposed(float[] matrix, int rows, int columns)
    {
        float[] transposed = new float[matrix.Length];
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++) transposed[j * rows + i] = matrix[i * columns + j];
        return transposed;
    }
}
