using System.Globalization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>The table between this library's names and those of Hugging Face checkpoints; no other file knows them.</summary>
internal static class HuggingFaceNames
{
    public const string Embedding = "model.embed_tokens.weight";
    public const string FinalNorm = "model.norm.weight";
    public const string Head = "lm_head.weight";

    /// <summary>"q" of layer 3: model.layers.3.self_attn.q_proj.</summary>
    public static string Module(int layer, string kind) => string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer}.{ModuleOf(kind)}");

    public static string Weight(int layer, string kind) => Module(layer, kind) + ".weight";

    /// <summary>Whether a tensor is the weight of a linear map of a block.</summary>
    public static bool IsLinear(string tensor) => tensor.EndsWith("_proj.weight", StringComparison.Ordinal);

    /// <summary>"q" as adapter files list it: q_proj.</summary>
    public static string TargetModule(string kind) => kind + "_proj";

    /// <summary>q_proj as this library calls it: "q".</summary>
    public static string KindOfTarget(string module) => module.EndsWith("_proj", StringComparison.Ordinal) ? module[..^5] : module;

    /// <summary>The stem of an adapter's tensors for a projection of a layer.</summary>
    public static string AdapterStem(int layer, string kind) => "base_model.model." + Module(layer, kind);

    public static string Norm(int layer, string kind) =>
        string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer}.{(kind == "attention" ? "input" : "post_attention")}_layernorm.weight");

    private static string ModuleOf(string kind) => kind switch
    {
        "gate" or "up" or "down" => $"mlp.{kind}_proj",
        _ => $"self_attn.{kind}_proj",
    };
}
