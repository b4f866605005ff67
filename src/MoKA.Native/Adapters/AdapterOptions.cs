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

    /// <summary>Throws one line when a value is out of range.</summary>
    public abstract void Validate();

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
