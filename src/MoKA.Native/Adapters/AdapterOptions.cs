using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;

namespace MoKA.Native.Adapters;

/// <summary>How a kind of adapter is built, for every map of a model alike: its method and that method's settings.</summary>
public abstract record AdapterOptions
{
    /// <summary>The method as people write it: MoKA, LoRA.</summary>
    public abstract string Method { get; }

    /// <summary>The probability with which an element of the adapter's input is dropped in training.</summary>
    public float Dropout { get; init; }

    /// <summary>The kind of map that these options are for, so that errors can name it; null where they are for all.</summary>
    public string? Kind { get; init; }

    /// <summary>Options of the same method that hold for one <see cref="Kind"/> of map each, in place of these.</summary>
    public IReadOnlyList<AdapterOptions> Exceptions { get; init; } = [];

    /// <summary>What holds for a kind of map.</summary>
    public AdapterOptions For(string kind) => Exceptions.FirstOrDefault(e => e.Kind == kind) ?? this with { Kind = kind, Exceptions = [] };

    /// <summary>Throws one line when a value is out of range, here or in an exception.</summary>
    public void Validate()
    {
        ValidateSettings();
        foreach (AdapterOptions exception in Exceptions)
        {
            if (exception.Kind is null || exception.Exceptions.Count > 0 || exception.Method != Method || Exceptions.Count(e => e.Kind == exception.Kind) > 1)
                throw new MokaException($"{Method} for {Quoted.Name(exception.Kind ?? "no kind of map")}: an exception must be of the same method and the only one for its kind, without further ones; got {exception.Method}.");
            exception.ValidateSettings();
        }
    }

    /// <summary>Throws one line when there is an exception for a kind of map that is not adapted.</summary>
    public void RequireKinds(IEnumerable<string> adapted)
    {
        string[] known = [.. adapted.Distinct()];
        if (Exceptions.FirstOrDefault(e => !known.Contains(e.Kind)) is { } other)
            throw new MokaException($"{Method} for {Quoted.Name(other.Kind!)}: the adapted kinds of map are {string.Join(", ", known)}; name one of them, or adapt that kind too.");
    }

    /// <summary>Throws one line when a value of these options by themselves is out of range.</summary>
    protected abstract void ValidateSettings();

    /// <summary>A new adapter for a map, which it leaves as it is until it is trained.</summary>
    /// <param name="frozen">The map. Only DoRA reads its weight, once.</param>
    /// <param name="seed">What random factors are drawn from.</param>
    /// <param name="stream">Different for every adapter of a model: its place in the list.</param>
    public abstract Adapter Create(ILinear frozen, ulong seed, ulong stream);

    /// <summary>Trainable numbers for a map from <paramref name="inputs"/> to <paramref name="outputs"/>.</summary>
    public abstract long ParametersFor(int outputs, int inputs);

    /// <summary>Those of them that are a gate's.</summary>
    public virtual int GatesFor(int outputs, int inputs) => 0;

    /// <summary>Multiply-adds a token of the forward pass, on top of the frozen map's, in the order that the kernels choose.</summary>
    public abstract long CostFor(int outputs, int inputs);

    /// <summary>Floats that a pass keeps for each token beside the map's own, until the way back.</summary>
    public virtual double KeptPerToken(int outputs, int inputs) => Dropout > 0 ? inputs : 0;

    /// <summary>Floats that a map's adapter needs for a while on the way back, for so many tokens.</summary>
    public virtual double WorkspaceFor(int outputs, int inputs, double tokens) => 0;

    /// <summary>The one setting that sets it apart from the same method set another way: r = 16.</summary>
    public abstract string Brief { get; }

    /// <summary>The settings in a line for a person, after the method's name.</summary>
    public abstract string Describe();

    /// <summary>The map in an error, before its lengths.</summary>
    private protected string MapText => Kind is null ? "the adapted weight" : $"a map of kind {Quoted.Name(Kind)}";

    private protected void ValidateDropout()
    {
        if (Dropout is not (>= 0 and < 1)) throw new MokaException($"Dropout: must be in [0, 1), got {Dropout}.");
    }

    private protected static void ValidateRank(int rank, float? alpha)
    {
        if (rank is < 1 or > LoraOptions.HighestRank) throw new MokaException($"Rank: must be from 1 to {LoraOptions.HighestRank}, got {rank}.");
        if (alpha is { } given && !(given > 0 && float.IsFinite(given))) throw new MokaException($"Alpha: must be a positive number, got {given}.");
    }

    private protected string DropoutText => Dropout > 0 ? FormattableString.Invariant($", dropout {Dropout:0.######}") : "";
}
