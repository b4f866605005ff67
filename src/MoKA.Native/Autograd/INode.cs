namespace MoKA.Native.Autograd;

/// <summary>
/// One recorded operation. Each op declares its own small struct next to its forward; the constructor line shows what is
/// saved for the way back.
/// </summary>
public interface INode
{
    /// <summary>Adds to the inputs' gradients what the output's gradient asks of them (the chain rule, accumulating).</summary>
    void Backward(Tape tape, Tensor output);
}
