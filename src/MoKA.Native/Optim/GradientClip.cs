using System.Numerics.Tensors;
using MoKA.Native.Kernels;

namespace MoKA.Native.Optim;

/// <summary>Scales all gradients together so that their joint Euclidean norm is at most a bound (Pascanu et al., arXiv 1211.5063).</summary>
public static class GradientClip
{
    /// <summary>Clips when <paramref name="bound"/> is positive and returns the norm before.</summary>
    public static float ByNorm(Cpu cpu, IReadOnlyList<Parameter> parameters, float bound)
    {
        double squares = 0;
        for (int i = 0; i < parameters.Count; i++)
            if (parameters[i].Trainable) squares += Reduce.Dot(cpu.InstructionSet, parameters[i].Gradient, parameters[i].Gradient);
        float norm = (float)Math.Sqrt(squares);
        if (bound > 0 && norm > bound)
        {
            float factor = bound / (norm + 1e-6f);
            for (int i = 0; i < parameters.Count; i++)
                if (parameters[i].Trainable) TensorPrimitives.Multiply<float>(parameters[i].Gradient, factor, parameters[i].Gradient);
        }
        return norm;
    }
}
