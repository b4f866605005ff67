using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

internal static partial class RowProduct
{
    /// <summary>Thirty-two columns, each adjacent, in two registers that take turns, with half the instructions of four.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void TwoRegistersAvx512(MatrixSpan x, MatrixSpan b, Span<float> y, int steps)
    {
        const int lanes = LaneColumns.Rows;
        nint stride = b.ColumnStride * (nint)sizeof(float), xStride = x.ColumnStride;
        ref byte at = ref FirstByte(b), second = ref Unsafe.Add(ref at, lanes * stride);
        ref float value = ref First(x);
        Vector512<float> low = Vector512.Create<float>(y), high = Vector512.Create<float>(y[lanes..]);
        for (int k = 0; k < steps; k += StepsAtOnce)
        {
            Prefetch.FourInTurn(ref at, stride, k, lanes);
            Prefetch.FourInTurn(ref second, stride, k, lanes);
            low = FourStepsAvx512(ref at, stride, ref value, xStride, low);
            high = FourStepsAvx512(ref second, stride, ref value, xStride, high);
            at = ref Unsafe.Add(ref at, StepsAtOnce * sizeof(float));
            second = ref Unsafe.Add(ref second, StepsAtOnce * sizeof(float));
            value = ref Unsafe.Add(ref value, StepsAtOnce * xStride);
        }
        low.CopyTo(y);
        high.CopyTo(y[lanes..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> FourStepsAvx512(ref byte columns, nint stride, ref float x, nint xStride, Vector512<float> sum)
    {
        LaneColumns.Load(ref columns, stride, out Vector512<int> b0, out Vector512<int> b1, out Vector512<int> b2, out Vector512<int> b3);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x), b0.AsSingle(), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref x, xStride)), b1.AsSingle(), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref x, 2 * xStride)), b2.AsSingle(), sum);
        return Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref x, 3 * xStride)), b3.AsSingle(), sum);
    }
}
