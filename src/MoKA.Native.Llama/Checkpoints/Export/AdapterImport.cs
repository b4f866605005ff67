using MoKA.Native.Adapters;
using MoKA.Native.Diagnostics;
using MoKA.Native.LinearAlgebra;
using MoKA.Native.Nn;

namespace MoKA.Native.Llama.Checkpoints.Export;

/// <summary>How near a mixture came to one map's update.</summary>
/// <param name="Name">The map.</param>
/// <param name="RelativeError">‖ΔW - Δ‖ / ‖ΔW‖, Frobenius; 0 where nothing was to be met.</param>
/// <param name="Norm">‖ΔW‖.</param>
/// <param name="Parameters">The mixture's trainable numbers.</param>
public readonly record struct ImportedModule(string Name, double RelativeError, double Norm, long Parameters);

/// <summary>Makes mixtures of Kronecker adapters out of updates that were found in another way.</summary>
public static class AdapterImport
{
    /// <summary>‖all that was missed‖ / ‖all updates‖ over the maps.</summary>
    public static double OverallError(IReadOnlyCollection<ImportedModule> modules)
    {
        double missed = modules.Sum(m => m.RelativeError * m.Norm * m.RelativeError * m.Norm), all = modules.Sum(m => m.Norm * m.Norm);
        return all == 0 ? 0 : Math.Sqrt(missed / all);
    }

    /// <summary>The mixtures nearest to what other adapters do. One map's update is in memory at a time.</summary>
    /// <param name="cpu">What the large products run on.</param>
    /// <param name="adapters">Of any kind, not attached.</param>
    /// <param name="options">The mixtures' filters and shapes, perhaps with exceptions for some kinds of map.</param>
    /// <param name="report">Told of each map when it is done.</param>
    /// <param name="cancel">Stops between two maps.</param>
    /// <exception cref="MokaException">An option is out of range, or a shape or an exception is of another map.</exception>
    public static AdapterSet ToMoka(Cpu cpu, AdapterSet adapters, MokaOptions options, Action<ImportedModule>? report = null, CancellationToken cancel = default) =>
        Fit(cpu, adapters.Entries.Select(e => (e.Projection, (Func<Parameter>)(() => DenseUpdate.Of(e.Projection, e.Adapter)))), adapters.Targets, options, report, cancel);

    /// <summary>The mixtures nearest to what fine-tuning all weights did to the linear maps; those it left alone get none.</summary>
    /// <param name="cpu">What the large products run on.</param>
    /// <param name="model">The base.</param>
    /// <param name="tuned">The fine-tuned model, of the same sizes.</param>
    /// <param name="targets">Which maps are met.</param>
    /// <param name="options">The mixtures' filters and shapes, perhaps with exceptions for some kinds of map.</param>
    /// <param name="report">Told of each map when it is done.</param>
    /// <param name="cancel">Stops between two maps.</param>
    /// <exception cref="MokaException">The models differ in size, no map of the targets changed, an option is out of range, or a shape or an exception is of another map.</exception>
    public static AdapterSet FromFull(Cpu cpu, LlamaModel model, LlamaModel tuned, AdapterTargets targets, MokaOptions options, Action<ImportedModule>? report = null, CancellationToken cancel = default)
    {
        targets.RequireKnown(model.Projections);
        LlamaConfig a = model.Config, b = tuned.Config;
        if (a.Layers != b.Layers || !a.LinearMaps.SequenceEqual(b.LinearMaps)) throw new MokaException("The fine-tuned model must have the sizes of the base, got others; give the base it was made from.");
        (Projection Place, Projection Tuned)[] pairs = [.. model.Projections.Zip(tuned.Projections).Where(p => targets.Contains(p.First.Kind) && Differ(p.First, p.Second))];
        if (pairs.Length == 0) throw new MokaException("The fine-tuned model must differ from the base in some map of the targets, got the same weights; check both paths.");
        string kinds = string.Join(',', pairs.Select(p => p.Place.Kind).Distinct());
        return Fit(cpu, pairs.Select(p => (p.Place, (Func<Parameter>)(() => DenseUpdate.Between(p.Tuned, p.Place)))), AdapterTargets.Parse(kinds), options, report, cancel);
    }

    /// <summary>What else fine-tuning changed, which no adapter of linear maps holds: the token table, the head, norms and biases, by their names in files.</summary>
    public static IReadOnlyList<string> ChangedElsewhere(LlamaModel model, LlamaModel tuned)
    {
        List<string> changed = [];
        foreach (ModelTensor tensor in HuggingFaceNames.TensorsOf(model.Config))
        {
            bool differs = tensor.Role switch
            {
                TensorRole.Table => tensor.Name == HuggingFaceNames.Head ? tuned.Config.TieEmbeddings || Differ(model.Head, tuned.Head) : Differ(model.Embedding, tuned.Embedding),
                TensorRole.Norm => !model.NormOf(tensor.Layer, tensor.Kind).Data.SequenceEqual(tuned.NormOf(tensor.Layer, tensor.Kind).Data),
                TensorRole.Bias => tuned.Projection(tensor.Layer, tensor.Kind).Bias is not { } bias || !model.Projection(tensor.Layer, tensor.Kind).Bias!.Data.SequenceEqual(bias.Data),
                _ => false,
            };
            if (differs) changed.Add(tensor.Name);
        }
        return changed;
    }

    private static AdapterSet Fit(Cpu cpu, IEnumerable<(Projection Place, Func<Parameter> Update)> updates, AdapterTargets targets, MokaOptions options, Action<ImportedModule>? report, CancellationToken cancel)
    {
        (Projection Place, Func<Parameter> Update)[] all = [.. updates];
        options.Validate();
        options.RequireKinds(all.Select(u => u.Place.Kind));
        // Before the work begins, so that nobody waits for a shape that does not fit.
        MokaOptions OptionsFor(Projection place) => (MokaOptions)options.For(place.Kind);
        foreach ((Projection place, _) in all) OptionsFor(place).ShapesFor(place.Out, place.In);
        List<(Projection, Adapter)> entries = [];
        foreach ((Projection place, Func<Parameter> update) in all)
        {
            cancel.ThrowIfCancellationRequested();
            using Parameter dense = update();
            (MokaAdapter moka, double error) = MokaAdapter.FromUpdate(cpu, dense.Data, place.Out, place.In, OptionsFor(place));
            entries.Add((place, moka));
            report?.Invoke(new ImportedModule(place.Name, error, FrobeniusNorm.Of(dense.Data), moka.ParameterCount));
        }
        return new AdapterSet(entries, targets);
    }

    private static bool Differ(ILinear one, ILinear other)
    {
        if (one.In != other.In || one.Out != other.Out) return true;
        using Parameter update = DenseUpdate.Between(other, one);
        return update.Data.ContainsAnyExcept(0f);
    }
}
