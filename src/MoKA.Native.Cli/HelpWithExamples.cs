using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace MoKA.Native.Cli;

/// <summary>The usual help and, under it, command lines to copy.</summary>
internal sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
{
    private static readonly Dictionary<string, string[]> Examples = new()
    {
        [""] =
        [
            "moka",
            "moka train -m data/base -d data/stories/train.json --test data/stories/test.json -o runs/mine",
            "moka generate -m data/base -a runs/mine -p \"Once upon a time\" --temperature 0.8",
            "moka inspect runs/mine",
        ],
        ["train"] =
        [
            "moka train -m data/base -d data/stories/train.json --test data/stories/test.json -o runs/mine",
            "moka train -m MODEL -d DATA.jsonl --template alpaca --targets q,v --filters 6 --lr 2e-3 --steps 1000",
            "moka train -m data/base -d DATA.json --targets q,o --shapes 16x12:12x16,24x24:8x8",
            "moka train -m data/base -d DATA.json --targets q,v --shapes \"q=16x12:12x16;v=8x12:8x16\"",
        ],
        ["generate"] =
        [
            "moka generate -m data/base -p \"Once upon a time\" --temperature 0.8 --top-p 0.95 --seed 7",
            "moka generate -m data/base -a runs/stories -p \"Where was Anna?\" --input \"Anna was at the lake.\" --instruction",
            "moka generate -m data/base -p \"Once upon a time\" --temperature 1 --min-p 0.05 --repeat-penalty 1.1 --stop \"The end\"",
            "moka generate -m model.Q4_K_M.gguf -p \"Once upon a time\"",
            "moka generate -m stories.bin --tokenizer tokenizer.bin -p \"Once upon a time\"",
            "cat prompt.txt | moka generate -m MODEL -p - > continuation.txt",
        ],
        ["chat"] =
        [
            "moka chat -m MODEL --template llama-3 --system \"You are brief.\" --temperature 0.7 --min-p 0.05",
            "moka chat -m MODEL -a runs/mine --template alpaca --stop \"###\"",
            "moka chat -m MODEL --template llama-2 < questions.txt > answers.txt",
        ],
        ["eval"] = ["moka eval answers -m data/base -a runs/stories -d data/stories/test.json", "moka eval loss -m data/base -d story.txt --json", "moka eval perplexity -m MODEL --text wiki.txt"],
        ["answers"] = ["moka eval answers -m data/base -a runs/stories -d data/stories/test.json --limit 100"],
        ["loss"] = ["moka eval loss -m data/base -a runs/stories -d data/stories/test.json", "moka eval loss -m data/base -d story.txt --json"],
        ["perplexity"] =
        [
            "moka eval perplexity -m MODEL --text wiki.test.raw --protocol llama.cpp --context 512",
            "moka eval perplexity -m data/base -a runs/stories --text story.txt --protocol full --json",
        ],
        ["pretrain"] = ["moka pretrain data/pretrain.json"],
        ["quantize"] =
        [
            "moka quantize MODEL -o MODEL-nf4",
            "moka quantize MODEL -o MODEL-q4 --type q4 --tables bf16",
            "moka quantize MODEL -o MODEL-q8 --type q8 --json",
            "moka quantize model.Q8_0.gguf -o MODEL-nf4",
        ],
        ["merge"] = ["moka merge -m MODEL -a runs/mine -o merged --verify", "moka merge -m MODEL-nf4 -a runs/mine -o merged --dtype bf16", "moka merge -m MODEL-q4 -a runs/mine -o merged --requantize q4 --verify -p \"One day\""],
        ["export"] =
        [
            "moka export runs/mine --to peft-lora -o lora --energy 0.99",
            "moka export runs/mine --to gguf-lora -o mine.lora.gguf -m MODEL --rank 64",
            "moka export runs/mine --to gguf -o mine.gguf -m MODEL --type q8_0",
            "moka export model.gguf --to hf -o folder --type bf16",
        ],
        ["import"] = ["moka import LORA -m MODEL -o runs/mine/adapter --filters 20", "moka import TUNED-MODEL -m MODEL -o adapter --from full --targets q,v", "moka import adapters.safetensors -m MODEL -o lora --from mlx --to peft-lora --scale 20"],
        ["synth"] = ["moka synth --shape tinyllama-1.1b --type q4 -o tiny", "moka synth --shape llama-2-7b --type nf4-double -o seven"],
        ["shapes"] = ["moka shapes --in 4096 --out 4096", "moka shapes --in 4096 --out 14336 --filters 4 --budget 80000 --min-rank 1024", "moka shapes --in 192 --out 512 --all --json"],
        ["plot"] = ["moka plot runs/stories/adapter -o gates.svg", "moka plot runs/stories runs/stories-2 runs/mine -o losses.svg --smooth 0.98"],
        ["inspect"] = ["moka inspect data/base", "moka inspect runs/stories", "moka inspect runs/stories/adapter --json", "moka inspect model.gguf --tensors", "moka inspect tokenizer.json", "moka inspect --shape llama-3-8b --adapter-plan", "moka inspect model.gguf --adapter-plan --targets q,v --filters 4 --rank 8"],
    };

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parse)
    {
        help.Invoke(parse);
        Command command = parse.CommandResult.Command;
        if (!Examples.TryGetValue(command is RootCommand ? "" : command.Name, out string[]? lines)) return ExitCode.Success;
        TextWriter output = parse.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (string line in lines) output.WriteLine($"  {line}");
        return ExitCode.Success;
    }
}
