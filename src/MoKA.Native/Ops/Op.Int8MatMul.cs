using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;
using MoKA.Native.Quantization;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>
    /// y ≈ x Wᵀ in integers, for inference: each block of 32 of x is rounded to 8 bits, with a scale of its own, and multiplied
    /// with W's codes exactly, or with W's levels rounded to 7 bits. Faster than <see cref="FrozenMatMul"/>; the rounding changes
    /// logits slightly. It has no gradient. See Int8.md.
    /// </summary>
    /// <param name="tape">The record of this pass, of no gradients.</param>
    /// <param name="x">[tokens, in].</param>
    /// <param name="weight">W [out, in] in one of ggml's quantised types, or in NF4 or FP4 with rows of whole blocks.</param>
    /// <returns>[tokens, out].</returns>
    /// <exception cref="InvalidOperationException">The tape asks for the gradient of x, or W is stored otherwise.</exception>
    public static Tensor Int8MatMul(Tape tape, Tensor x, FrozenMatrix weight)
    {
        Check.Columns("Int8MatMul", "x", x, weight.Columns, "weight", new Shape(weight.Rows, weight.Columns));
        if (tape.Records(x)) throw new InvalidOperationException("Int8MatMul: rounding to 8 bits has no gradient; train with float activations.");
        Tensor y = tape.Allocate(x.Shape.WithColumns(weight.Rows), "int8 matmul");
        weight.MultiplyInIntegers(tape.Cpu, x.Matrix, y.Matrix);
        return y;
    }
}
