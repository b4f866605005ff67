using System.Text.Json;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>
/// What <c>tokenizer_config.json</c> of <c>transformers</c> says beside a tokenizer. Every value may be absent; a value of
/// a form that is not known counts as absent.
/// </summary>
public sealed record TokenizerConfigJson
{
    /// <summary>The file name inside a model folder.</summary>
    public const string FileName = "tokenizer_config.json";

    private const int MaxFileBytes = 16 << 20;

    /// <summary>The token that begins a sequence, such as "&lt;s&gt;".</summary>
    public string? BosToken { get; private init; }

    /// <summary>The token that ends a sequence, such as "&lt;/s&gt;".</summary>
    public string? EosToken { get; private init; }

    /// <summary>Whether BOS is put before texts.</summary>
    public bool? AddBosToken { get; private init; }

    /// <summary>Whether text after a special token gets a dummy prefix of its own.</summary>
    public bool? Legacy { get; private init; }

    /// <summary>The chat template, in Jinja; of several the one named "default", or the first.</summary>
    public string? ChatTemplate { get; private init; }

    /// <summary>Reads the file.</summary>
    /// <exception cref="MokaException">The file is missing, too long, or not a JSON object without duplicates.</exception>
    public static TokenizerConfigJson Read(string path) => Parse(BoundedFile.ReadUtf8(path, MaxFileBytes), path);

    /// <summary>Reads the file that lies beside a tokenizer's file, or in a folder; null if there is none.</summary>
    /// <param name="path">The tokenizer's file, or the folder.</param>
    /// <exception cref="MokaException">The file is too long or not a JSON object without duplicates.</exception>
    public static TokenizerConfigJson? Beside(string path)
    {
        string folder = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path)) ?? "";
        string file = Path.Combine(folder, FileName);
        return File.Exists(file) ? Read(file) : null;
    }

    internal static TokenizerConfigJson Parse(ReadOnlyMemory<byte> json, string name)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            JsonElement root = document.RootElement;
            JsonMembers.Require(root.ValueKind == JsonValueKind.Object, "must hold a JSON object");
            return new TokenizerConfigJson
            {
                BosToken = Token(root, "bos_token"),
                EosToken = Token(root, "eos_token"),
                AddBosToken = root.Flag("add_bos_token"),
                Legacy = root.Flag("legacy"),
                ChatTemplate = Template(root),
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string of the file is not valid Unicode.
            throw new MokaException($"{Quoted.Plain(name)}: is not valid JSON ({Quoted.Plain(e.Message)}); fetch the file again.", e);
        }
        catch (MokaException e)
        {
            throw new MokaException($"{Quoted.Plain(name)}: {e.Message}", e);
        }
    }

    private static string? Token(JsonElement root, string name) =>
        root.Optional(name) is { ValueKind: JsonValueKind.Object } token ? token.Text("content") : root.Text(name);

    private static string? Template(JsonElement root)
    {
        if (root.Optional("chat_template") is not { ValueKind: JsonValueKind.Array } list) return root.Text("chat_template");
        JsonElement[] named = [.. list.EnumerateArray().Where(entry => entry.ValueKind == JsonValueKind.Object)];
        return named.FirstOrDefault(entry => entry.Text("name") == "default", named.FirstOrDefault()) is { ValueKind: JsonValueKind.Object } template ? template.Text("template") : null;
    }
}
