using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Data;

/// <summary>Turns a record into the prompt that the model answers. The response follows the prompt's last line end.</summary>
public sealed class AlpacaTemplate
{
    private readonly string _withInput;
    private readonly string _withoutInput;

    private AlpacaTemplate(string name, string withInput, string withoutInput)
    {
        Name = name;
        _withInput = withInput;
        _withoutInput = withoutInput;
    }

    /// <summary>"alpaca": the wording of Stanford Alpaca, a sentence that says what follows and then the sections.</summary>
    public static AlpacaTemplate Alpaca { get; } = new(
        "alpaca",
        "Below is an instruction that describes a task, paired with an input that provides further context. " +
        "Write a response that appropriately completes the request.\n\n",
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n");

    /// <summary>"short": the sections alone, for small models with a short context.</summary>
    public static AlpacaTemplate Short { get; } = new("short", "", "");

    /// <summary>The name that <see cref="ByName"/> finds.</summary>
    public string Name { get; }

    /// <summary>The template of a name: "alpaca" or "short".</summary>
    /// <exception cref="MokaException">There is no such template.</exception>
    public static AlpacaTemplate ByName(string name) => name switch
    {
        "alpaca" => Alpaca,
        "short" => Short,
        _ => throw new MokaException($"AlpacaTemplate: the template must be alpaca or short, got {Quoted.Name(name)}."),
    };

    /// <summary>The prompt of a record. The section for the input is left out if the input is empty.</summary>
    public string Prompt(AlpacaRecord record) => record.Input.Length == 0
        ? $"{_withoutInput}### Instruction:\n{record.Instruction}\n\n### Response:\n"
        : $"{_withInput}### Instruction:\n{record.Instruction}\n\n### Input:\n{record.Input}\n\n### Response:\n";
}
