using System.Numerics.Tensors;

namespace MoKA.Native.Kernels;

/// <summary>
/// The other order of a block of tokens. Token-major [tokens, groups, width] is how rows lie; group-major
/// [groups, tokens * width] puts the same group of all tokens side by side, so that a matrix over groups multiplies all
/// tokens in one product instead of one small product each.
/// </summary>
internal static class GroupMajor
{
    /// <summary>Token-major to group-major [groups, tokens * width].</summary>
    public static MatrixSpan From(ReadOnlySpan<float> tokenMajor, int tokens, int groups, int width, Span<float> destination)
    {
        for (int t = 0; t < tokens; t++)
            for (int g = 0; g < groups; g++)
                tokenMajor.Slice((t * groups + g) * width, width).CopyTo(destination[((g * tokens + t) * width)..]);
        return new MatrixSpan(destination, groups, tokens * width);
    }

    /// <summary>Group-major back to token-major.</summary>
    public static void To(ReadOnlySpan<float> groupMajor, int tokens, int groups, int width, Span<float> tokenMajor)
    {
        for (int g = 0; g < groups; g++)
            for (int t = 0; t < tokens; t++)
                groupMajor.Slice((g * tokens + t) * width, width).CopyTo(tokenMajor[((t * groups + g) * width)..]);
    }

    /// <summary>Adds group-major numbers to token-major ones.</summary>
    public static void AddTo(ReadOnlySpan<float> groupMajor, int tokens, int groups, int width, Span<float> tokenMajor)
    {
        for (int g = 0; g < groups; g++)
            for (int t = 0; t < tokens; t++)
            {
                Span<float> sum = tokenMajor.Slice((t * groups + g) * width, width);
                TensorPrimitives.Add(sum, groupMajor.Slice((g * tokens + t) * width, width), sum);
            }
    }
}
