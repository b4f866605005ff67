using MoKA.Native.Autograd;
using MoKA.Native.Nn;
using MoKA.Native.Ops;

namespace MoKA.Native.Llama;

/// <summary>The gated feed-forward layer: down(silu(gate(x)) ⊙ up(x)).</summary>
public sealed class LlamaMlp
{
    internal LlamaMlp(LlamaConfig config, Func<string, int, int, Projection> projection)
    {
        Gate = projection("gate", config.IntermediateSize, config.HiddenSize);
        Up = projection("up", config.IntermediateSize, config.HiddenSize);
        Down = projection("down", config.HiddenSize, config.IntermediateSize);
    }

    /// <summary>[intermediate, hidden].</summary>
    public Projection Gate { get; }

    /// <summary>[intermediate, hidden].</summary>
    public Projection Up { get; }

    /// <summary>[hidden, intermediate].</summary>
    public Projection Down { get; }

    /// <summary>[tokens, hidden] to [tokens, hidden].</summary>
    public Tensor Forward(Tape tape, Tensor x) =>
        Down.Forward(tape, Op.SwiGlu(tape, Gate.Forward(tape, x), Up.Forward(tape, x)));
}
