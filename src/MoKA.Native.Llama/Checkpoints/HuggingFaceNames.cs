using System.Collections.Immutable;
using System.Globalization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>The table between this library's names and those of Hugging Face checkpoints; no other file knows them.</summary>
internal static class HuggingFaceNames
{
    public const string Embedding = "model.embed_tokens.weight";
    public const string FinalNorm = "model.norm.weight";
    public const string Head = "lm_head.weight";

    private const string StemBegin = "base_model.model.";

    /// <summary>The kinds of linear map, in the order in which a block uses them.</summary>
    public static ImmutableArray<string> Kinds { get; } = ["q", "k", "v", "o", "gate", "up", "down"];

    /// <summary>The two halves of a module's LoRA in mlx-lm's files.</summary>
    public const string MlxA = ".lora_a", MlxB = ".lora_b";

    /// <summary>"q" of layer 3: model.layers.3.self_attn.q_proj.</summary>
    public static string Module(int layer, string kind) => string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer}.{ModuleOf(kind)}");

    public static string Weight(int layer, string kind) => Module(layer, kind) + ".weight";

    public static string Bias(int layer, string kind) => Module(layer, kind) + ".bias";

    /// <summary>Every tensor of a model, in the order in which files are written; a tied head is none.</summary>
    public static IEnumerable<ModelTensor> TensorsOf(LlamaConfig config)
    {
        yield return new(Embedding, TensorRole.Table, config.VocabularySize, config.HiddenSize);
        yield return new(FinalNorm, TensorRole.Norm, 1, config.HiddenSize);
        if (!config.TieEmbeddings) yield return new(Head, TensorRole.Table, config.VocabularySize, config.HiddenSize);
        for (int layer = 0; layer < config.Layers; layer++)
        {
            foreach (string norm in (string[])["attention", "mlp"]) yield return new(Norm(layer, norm), TensorRole.Norm, 1, config.HiddenSize, layer, norm);
            foreach ((string kind, int outputs, int inputs) in config.LinearMaps)
            {
                yield return new(Weight(layer, kind), TensorRole.Linear, outputs, inputs, layer, kind);
                if (config.HasBias(kind)) yield return new(Bias(layer, kind), TensorRole.Bias, 1, outputs, layer, kind);
            }
        }
    }

    /// <summary>Whether a tensor is the weight of a linear map of a block.</summary>
    public static bool IsLinear(string tensor) => tensor.EndsWith("_proj.weight", StringComparison.Ordinal);

    /// <summary>"q" as adapter files list it: q_proj.</summary>
    public static string TargetModule(string kind) => kind + "_proj";

    /// <summary>q_proj as this library calls it: "q".</summary>
    public static string KindOfTarget(string module) => module.EndsWith("_proj", StringComparison.Ordinal) ? module[..^5] : module;

    /// <summary>The last part of a module's name: q_proj.</summary>
    public static string LastPart(string module) => module[(module.LastIndexOf('.') + 1)..];

    /// <summary>The stem of an adapter's tensors for a projection of a layer.</summary>
    public static string AdapterStem(int layer, string kind) => StemBegin + Module(layer, kind);

    /// <summary>The module of a stem, as patterns name it.</summary>
    public static string ModuleOfStem(string stem) => stem.StartsWith(StemBegin, StringComparison.Ordinal) ? stem[StemBegin.Length..] : stem;

    /// <summary>The layer and the kind of a stem, or null where it is no linear map of a block.</summary>
    public static (int Layer, string Kind)? PlaceOf(string stem)
    {
        string kind = KindOfTarget(LastPart(stem));
        return ModuleOfStem(stem).Split('.') is ["model", "layers", var number, ..] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int layer)
            && Kinds.Contains(kind) && stem == AdapterStem(layer, kind) ? (layer, kind) : null;
    }

    public static string Norm(int layer, string kind) =>
        string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer}.{(kind == "attention" ? "input" : "post_attention")}_layernorm.weight");

    private static string ModuleOf(string kind) => kind switch
    {
        "gate" or "up" or "down" => $"mlp.{kind}_proj",
        _ => $"self_attn.{kind}_proj",
    };
}

/// <summary>What a tensor is to its model.</summary>
internal enum TensorRole
{
    /// <summary>The token table or the head [vocabulary, hidden].</summary>
    Table,

    /// <summary>A norm's gain.</summary>
    Norm,

    /// <summary>A linear map of a block [outputs, inputs].</summary>
    Linear,

    /// <summary>What a linear map adds to its outputs.</summary>
    Bias,
}

/// <summary>One tensor of a model: its name in files, what it is, its size, and for those of a block where it belongs.</summary>
internal readonly record struct ModelTensor(string Name, TensorRole Role, int Rows, int Columns, int Layer = -1, string Kind = "");
