using System.CommandLine;
using MoKA.Native.Llama.Generation;

namespace MoKA.Native.Cli.Commands;

/// <summary>The options that say how text is chosen and when it stops, for the commands that generate.</summary>
internal sealed class SamplingOptions(string tokens)
{
    private static readonly GenerationOptions Defaults = new();

    private readonly Option<float> _temperature = Options.Real("--temperature", "0 takes the likeliest token, 1 samples as the model says.", Defaults.Temperature);
    private readonly Option<int> _topK = Options.Whole("--top-k", "Draw among the k likeliest tokens; 0 for all.", Defaults.TopK, 0);
    private readonly Option<float> _topP = Options.Real("--top-p", "Draw among the likeliest tokens that reach this probability.", Defaults.TopP);
    private readonly Option<float> _minP = Options.Real("--min-p", "Draw among tokens with at least this share of the likeliest one's probability.", Defaults.MinP);
    private readonly Option<float> _penalty = Options.Real("--repeat-penalty", $"Above 1 makes tokens of the last {Defaults.RepetitionWindow} less likely; 1 for none.", Defaults.RepetitionPenalty);
    private readonly Option<int> _maxTokens = Options.Whole("--max-tokens", tokens, Defaults.MaxTokens, 0);
    private readonly Option<IReadOnlyList<string>> _stop = Options.Repeated("--stop", "TEXT", "End before this text comes; may be given several times.");
    private readonly Option<ulong> _seed = Options.Seed(1);

    public IEnumerable<Option> All => [_temperature, _topK, _topP, _minP, _penalty, _maxTokens, _stop, _seed];

    public GenerationOptions Read(ParseResult parse)
    {
        GenerationOptions options = new()
        {
            Temperature = parse.GetValue(_temperature),
            TopK = parse.GetValue(_topK),
            TopP = parse.GetValue(_topP),
            MinP = parse.GetValue(_minP),
            RepetitionPenalty = parse.GetValue(_penalty),
            MaxTokens = parse.GetValue(_maxTokens),
            StopStrings = parse.GetRequiredValue(_stop),
            Seed = parse.GetValue(_seed),
        };
        UsageException.Check(options.Validate);
        return options;
    }

    /// <summary>Why a text ended, as a person reads it.</summary>
    public static string Reason(EndReason? end) => end switch
    {
        EndReason.EndToken => "ended by the model",
        EndReason.MaxTokens => "ended at --max-tokens",
        EndReason.StopString => "ended at a stop text",
        EndReason.ContextFull => "ended because the context is full",
        _ => "stopped",
    };
}
