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
    public Tensor Forward(Tape tape, Tensor x)
    {
        Tensor gate = Gate.Forward(tape, x), up = Up.Forward(tape, x), product = Op.SwiGlu(tape, gate, up), y = Down.Forward(tape, product);
        // Cheap to make again, and a sixth of what a block would keep for the way back.
        Op.ForgetSwiGlu(tape, product, gate, up, y);
        return y;
    }
}
