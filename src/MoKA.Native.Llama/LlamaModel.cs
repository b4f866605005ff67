using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;
using MoKA.Native.Ops;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama;

/// <summary>
/// A LLaMA (Touvron et al., arXiv 2302.13971): token table, blocks, norm, head. Forward is written as ops on a tape, so
/// its gradient is theirs.
/// </summary>
public sealed class LlamaModel
{
    private readonly LlamaBlock[] _blocks;
    private readonly FrozenLinear[] _stored;

    /// <summary>Builds the model and asks for its weights in order.</summary>
    public LlamaModel(LlamaConfig config, ILlamaWeights weights)
    {
        config.Validate();
        Config = config;
        Embedding = weights.Embedding(config.VocabularySize, config.HiddenSize);
        RopeTable rope = new(config.HeadDim, config.MaxPositions, config.RopeTheta, config.RopeScaling);
        _blocks = [.. Enumerable.Range(0, config.Layers).Select(i => new LlamaBlock(config, rope, i, weights))];
        Norm = weights.FinalNorm(config.HiddenSize);
        Head = config.TieEmbeddings ? Embedding : weights.Head(config.VocabularySize, config.HiddenSize);
        _stored = [.. Projections.Select(p => p.Current).OfType<FrozenLinear>()];
        IEnumerable<ILinear> linears = [.. Projections.Select(p => p.Current), .. config.TieEmbeddings ? Array.Empty<ILinear>() : [Head]];
        Parameters = [.. Floats([Embedding]), .. Blocks.SelectMany(b => new[] { b.AttentionNorm, b.MlpNorm }), Norm, .. Projections.Select(p => p.Bias).OfType<Parameter>(), .. Floats(linears)];
        IEnumerable<FrozenLinear> stored = [.. _stored, .. new ILinear[] { Embedding, Head }.Distinct().OfType<FrozenLinear>()];
        WeightBytes = Parameters.Sum(p => (long)p.Shape.Count * sizeof(float)) + stored.Sum(map => map.Weight.StorageBytes);
    }

    /// <summary>The sizes and constants.</summary>
    public LlamaConfig Config { get; }

    /// <summary>The token table [vocabulary, hidden].</summary>
    public ITokenTable Embedding { get; }

    /// <summary>The layers.</summary>
    public IReadOnlyList<LlamaBlock> Blocks => _blocks;

    /// <summary>The gain before the head [hidden].</summary>
    public Parameter Norm { get; }

    /// <summary>[vocabulary, hidden]; the token table itself when tied.</summary>
    public ILinear Head { get; }

    /// <summary>Every linear map that an adapter can be put on, in the model's order.</summary>
    public IReadOnlyList<Projection> Projections => [.. Blocks.SelectMany(b => b.Projections)];

    /// <summary>A layer's linear map by its kind: q, k, v, o, gate, up or down.</summary>
    public Projection Projection(int layer, string kind) => _blocks[layer].Projections.First(p => p.Kind == kind);

    /// <summary>The norm of a layer by its kind, attention or mlp; the final one when the layer is none.</summary>
    internal Parameter NormOf(int layer, string kind) => layer < 0 ? Norm : kind == "attention" ? _blocks[layer].AttentionNorm : _blocks[layer].MlpNorm;

    /// <summary>The base's float parameters: norms, biases, and the table and linear maps that are not stored otherwise. Adapters are not among them.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>The bytes that the base's weights take, each in its own storage: in memory of their own, or of a mapped file.</summary>
    public long WeightBytes { get; }

    /// <summary>
    /// Whether training keeps the output of each block alone and computes the block again on the way back: much less
    /// memory for a third to two fifths more time, and the same bits.
    /// </summary>
    public bool Recompute { get; set; }

    /// <summary>
    /// What the blocks' linear maps are multiplied with. <see cref="Activations.Int8"/> is for inference with quantised maps:
    /// prompts are read and new tokens come faster, and logits change slightly.
    /// </summary>
    /// <exception cref="MokaException">No map is stored so.</exception>
    public Activations Activations
    {
        get => _stored.Any(map => map.Activations == Activations.Int8) ? Activations.Int8 : Activations.Float;
        set
        {
            if (value == Activations.Int8 && !_stored.Any(map => map.TakesInt8))
                throw new MokaException($"int8 activations need quantised linear maps: one of GGUF's quantised types such as {WeightStorage.Q4_0}, or {WeightStorage.NF4} or {WeightStorage.FP4} with rows of whole blocks, got {(Config.LinearStorage == WeightStorage.Other ? "maps of several types, none of them those" : Config.LinearStorage)}; keep float activations, or quantise the model to q4 first.");
            foreach (FrozenLinear map in _stored.Where(map => map.TakesInt8)) map.Activations = value;
        }
    }

    /// <summary>Keeps every weight of the base as it is: only adapters train.</summary>
    public void Freeze()
    {
        foreach (Parameter parameter in Parameters) parameter.Trainable = false;
    }

    /// <summary>The final states [tokens, hidden] of sequences that lie end to end; with a cache, of tokens that continue its texts.</summary>
    public Tensor States(Tape tape, ReadOnlyMemory<int> tokens, Sequences sequences, KvCache? cache = null)
    {
        Tensor x = Embedding.Lookup(tape, tokens);
        bool recompute = Recompute || !tape.Gradients;
        foreach (LlamaBlock block in _blocks)
            x = recompute ? Op.Recompute(tape, x, new BlockSegment(block, sequences, cache)) : block.Forward(tape, x, sequences, cache);
        cache?.Advance(sequences);
        return Op.RmsNorm(tape, x, Norm, Config.RmsNormEpsilon);
    }

    /// <summary>The logits [rows, vocabulary] of the chosen rows of <see cref="States"/>: only they pay for the head.</summary>
    public Tensor Logits(Tape tape, Tensor states, ReadOnlyMemory<int> rows) => Head.Forward(tape, Op.GatherRows(tape, states, rows));

    /// <summary>
    /// The mean cross-entropy [1] in nats of the chosen rows of <see cref="States"/> and the ids that follow them; with a
    /// frozen head, without all their logits at once.
    /// </summary>
    public Tensor Loss(Tape tape, Tensor states, ReadOnlyMemory<int> rows, ReadOnlyMemory<int> ids) =>
        Op.HeadCrossEntropy(tape, Op.GatherRows(tape, states, rows), new HeadSegment(Head), ids);

    /// <summary>The cross-entropy [rows, 1] in nats of each chosen row of <see cref="States"/> and the id that follows it, never with all their logits at once; for measuring.</summary>
    public Tensor Losses(Tape tape, Tensor states, ReadOnlyMemory<int> rows, ReadOnlyMemory<int> ids) =>
        Op.HeadLosses(tape, Op.GatherRows(tape, states, rows), new HeadSegment(Head), ids);

    /// <summary>The logits [tokens, vocabulary] of every token.</summary>
    public Tensor Logits(Tape tape, ReadOnlyMemory<int> tokens, Sequences sequences) => Head.Forward(tape, States(tape, tokens, sequences));

    private static IEnumerable<Parameter> Floats(IEnumerable<ILinear> linears) => linears.OfType<Linear>().Select(l => l.Weight);

    private readonly record struct HeadSegment(ILinear Head) : ISegment
    {
        public Tensor Forward(Tape tape, Tensor x) => Head.Forward(tape, x);
    }

    // Without gradients this is how each block's activations make room for the next one's.
    private readonly record struct BlockSegment(LlamaBlock Block, Sequences Sequences, KvCache? Cache) : ISegment
    {
        public Tensor Forward(Tape tape, Tensor x) => Block.Forward(tape, x, Sequences, Cache);
    }
}
