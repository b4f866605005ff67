using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints.Export;

/// <summary>
/// A model, merged with the adapters that are on it, as a Hugging Face folder. One matrix at a time is in memory; the weights
/// file appears whole or not at all, and the config, without which a folder is no model, comes last.
/// </summary>
public sealed class ModelMerger
{
    private readonly ModelSource _source;
    private readonly LlamaModel _model;
    private readonly LlamaConfig _config;
    private readonly byte[] _description;
    private readonly Tokenizer? _tokenizer;

    /// <summary>Plans the folder; what it cannot hold shows here, before anything is written.</summary>
    /// <param name="source">Where the model came from: its tokenizer and what else belongs to it.</param>
    /// <param name="model">The model, with adapters attached or without.</param>
    /// <param name="linears">How to store the linear maps: a floating-point type, or fewer bits where that is asked for in so many words.</param>
    /// <param name="tokenizer">The tokenizer in place of the source's own.</param>
    /// <exception cref="MokaException">The sizes do not fit the storage, or the folder's config cannot describe the model.</exception>
    public ModelMerger(ModelSource source, LlamaModel model, WeightStorage linears, Tokenizer? tokenizer = null)
    {
        (_source, _model, _tokenizer) = (source, model, tokenizer);
        _config = model.Config with { LinearStorage = linears, TableStorage = linears.IsFloat() ? linears : FloatsOf(source) };
        _description = ConfigJson.Bytes(_config);
    }

    /// <summary>The floating-point type that a model is merged in unless another one is asked for: that of its maps, else of its tables, else F16.</summary>
    public static WeightStorage FloatsOf(ModelSource source) =>
        source.Config.LinearStorage.IsFloat() ? source.Config.LinearStorage : source.Config.TableStorage.IsFloat() ? source.Config.TableStorage : WeightStorage.F16;

    /// <summary>How the linear maps are stored.</summary>
    public WeightStorage Linears => _config.LinearStorage;

    /// <summary>How the token table and the head are stored.</summary>
    public WeightStorage Tables => _config.TableStorage;

    /// <summary>How many linear maps there are, to count them.</summary>
    public int Matrices => 7 * _config.Layers;

    /// <summary>Writes the folder: weights, then the tokenizer and what else belongs to the model, then the config.</summary>
    /// <param name="output">A folder apart from the source, as <see cref="OutputPlace"/> says; made unless it is there.</param>
    /// <param name="report">Told of each linear map that is rounded to its storage, once; maps that are stored so already are copied.</param>
    /// <param name="cancel">Stops between two matrices; nothing is written.</param>
    /// <exception cref="MokaException">A weight cannot be read or does not fit its storage, or a file cannot be written.</exception>
    public void Write(string output, Action<QuantizedTensor>? report = null, CancellationToken cancel = default)
    {
        OutputPlace.RequireApart(output, _source.Path);
        LlamaFolder.SaveFrom(_source, output, _model, _config, _description, _tokenizer, report, cancel);
    }

    /// <summary>
    /// Writes the folder only if it holds what it should: the files are written beside their place, read again, and moved there
    /// when the logits of a text are near those of the model. Otherwise nothing is left of them, and what the folder held stays.
    /// </summary>
    /// <param name="output">As for <see cref="Write"/>.</param>
    /// <param name="cpu">What both models run on.</param>
    /// <param name="tokens">The text, at most as many ids as the model has positions.</param>
    /// <param name="report">As for <see cref="Write"/>.</param>
    /// <param name="cancel">Stops between two matrices; nothing is written.</param>
    /// <returns>How far the logits are apart; the folder is written if that <see cref="MergeDifference.Holds"/>.</returns>
    /// <exception cref="MokaException">As for <see cref="Write"/>, or there is no text.</exception>
    public MergeDifference WriteVerified(string output, Cpu cpu, ReadOnlyMemory<int> tokens, Action<QuantizedTensor>? report = null, CancellationToken cancel = default)
    {
        OutputPlace.RequireApart(output, _source.Path);
        using StagedFolder staged = new(output);
        Write(staged.Path, report, cancel);
        MergeDifference difference;
        // Closed before the file moves, which some systems refuse while it is mapped.
        using (SafetensorsReader weights = LlamaFolder.OpenWeights(staged.Path))
            difference = MergeCheck.Compare(cpu, _model, LlamaFolder.LoadModel(LlamaFolder.LoadConfig(staged.Path), weights), tokens, Linears);
        cancel.ThrowIfCancellationRequested();
        if (difference.Holds) staged.Publish(LlamaFolder.ConfigFile);
        return difference;
    }
}
