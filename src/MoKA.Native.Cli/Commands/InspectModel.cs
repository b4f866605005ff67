using MoKA.Native.Adapters;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Training;
using MoKA.Native.Quantization;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary>The inside of a model folder, its memory included; the weights are not loaded.</summary>
internal static class InspectModel
{
    public static Inspection Folder(string path, bool tensors, int length, int batch)
    {
        LlamaConfig c = LlamaFolder.LoadConfig(path);
        Llama.Tokenizers.Tokenizer tokenizer = LlamaFolder.LoadTokenizer(path, c);
        Inspection file = InspectFile.Safetensors(Path.Combine(path, LlamaFolder.WeightsFile), tensors);
        string hash = LlamaFolder.Hash(path);
        int fits = Math.Min(length, c.MaxPositions);
        double tokens = (double)batch * fits;
        MemoryEstimate generate = MemoryEstimate.ForGeneration(c, fits);
        MemoryEstimate train = MemoryEstimate.ForTraining(c, AdapterTargets.Parse(AdapterTargets.Everything), new MokaOptions(), tokens, tokens / 4);
        return new Inspection("model", 
        [
            new("kind", "model folder"),
            new("path", path),
            new("shape", TrainPanel.Model(c)),
            new("layers", "", c.Layers),
            new("hidden", "", c.HiddenSize),
            new("intermediate", "", c.IntermediateSize),
            new("heads", "", c.Heads),
            new("key value heads", "", c.KeyValueHeads),
            new("head dim", "", c.HeadDim),
            new("vocabulary", "", c.VocabularySize),
            new("positions", "", c.MaxPositions),
            new("parameters", Count(c.ParameterCount), c.ParameterCount),
            new("storage", Invariant($"linear maps {c.LinearStorage}, {c.LinearStorage.BitsPerWeight():0.###} bits a weight; token table and head {c.TableStorage}"), c.LinearStorage.ToString()),
            file.Facts.First(f => f.Label == "size"),
            new("tied head", c.TieEmbeddings ? "yes" : "no", c.TieEmbeddings),
            new("rope theta", Number(c.RopeTheta), c.RopeTheta),
            new("bos token", $"{c.BosTokenId}", c.BosTokenId ?? -1),
            new("eos tokens", string.Join(", ", c.EosTokenIds), c.EosTokenIds.AsEnumerable()),
            new("tokenizer pieces", Count(tokenizer.VocabularySize), tokenizer.VocabularySize),
            new("sha256", hash),
            new("generate memory", $"about {Bytes(generate.TotalBytes)} for {fits} tokens, {Bytes(generate.CacheBytes)} of it keys and values", generate.TotalBytes),
            new("train memory", $"{TrainPanel.Memory(train)}, for {batch} examples of {fits} tokens with MoKA on all maps", train.TotalBytes),
            .. file.Facts.Where(f => f.Label is "tensors" or "list"),
        ]) { Tables = file.Tables };
    }
}
