using System.Numerics.Tensors;

namespace MoKA.Native.Kernels;

/// <summary>Whether numbers are neither infinite nor not a number.</summary>
internal static class Finite
{
    // The library's function says of no numbers at all that they are not.
    public static bool All(ReadOnlySpan<float> numbers) => numbers.IsEmpty || TensorPrimitives.IsFiniteAll(numbers);

    public static bool All(ReadOnlySpan<Half> numbers) => numbers.IsEmpty || TensorPrimitives.IsFiniteAll(numbers);
}
