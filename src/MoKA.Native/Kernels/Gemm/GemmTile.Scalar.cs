using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

internal static partial class GemmTile
{
    /// <summary>The specification: height x 16 chains of fused multiply-adds, k ascending.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Scalar(int height, int kc, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> c, int stride, bool load)
    {
        for (int i = 0; i < height; i++)
            for (int j = 0; j < 16; j++)
            {
                float sum = load ? c[i * stride + j] : 0;
                for (int k = 0; k < kc; k++) sum = MathF.FusedMultiplyAdd(a[k * height + i], b[k * 16 + j], sum);
                c[i * stride + j] = sum;
            }
    }
}
