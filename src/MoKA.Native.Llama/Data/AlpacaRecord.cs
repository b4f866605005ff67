namespace MoKA.Native.Llama.Data;

/// <summary>One record of an instruction data set in Alpaca form.</summary>
/// <param name="Instruction">What to do.</param>
/// <param name="Input">What to do it with; may be empty.</param>
/// <param name="Output">What the model must say.</param>
/// <param name="Answer">The short answer inside the output, where the data set has one (LLM-Adapters' files do).</param>
public sealed record AlpacaRecord(string Instruction, string Input, string Output, string? Answer = null);
