using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

internal static partial class RowProduct
{
    /// <summary>Bytes between columns, or a multiple of so many, that put lines of all of them into one set of a first-level cache, which holds twelve.</summary>
    private const int AliasingDistance = 4096;

    /// <summary>
    /// Columns of B adjacent: four steps of sixteen columns are transposed in registers, then used one after another; two such
    /// chains side by side.
    /// </summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void SideBySideAvx512(MatrixSpan x, MatrixSpan b, Span<float> y)
    {
        const int lanes = LaneColumns.Rows;
        int k = 0;
        nint stride = b.ColumnStride * (nint)sizeof(float);
        // The slices prove the bounds once; the loop below then reads without checks.
        ref byte columns = ref Unsafe.As<float, byte>(ref MemoryMarshal.GetReference(b.Data[..((ColumnsSideBySide - 1) * b.ColumnStride + b.Rows)]));
        ref float steps = ref MemoryMarshal.GetReference(x.Data[..((x.Columns - 1) * x.ColumnStride + 1)]);
        Vector512<float> low = Vector512.Create<float>(y), high = Vector512.Create<float>(y[lanes..]);
        for (; k + StepsOfLine <= b.Rows; k += StepsOfLine)
        {
            low = LineAvx512(ref columns, stride, ref steps, x.ColumnStride, low);
            high = LineAvx512(ref Unsafe.Add(ref columns, lanes * stride), stride, ref steps, x.ColumnStride, high);
            columns = ref Unsafe.Add(ref columns, StepsOfLine * sizeof(float));
            steps = ref Unsafe.Add(ref steps, StepsOfLine * x.ColumnStride);
        }
        low.CopyTo(y);
        high.CopyTo(y[lanes..]);
        Chains(x.Block(0, 1, k, b.Rows - k), b.RowRange(k, b.Rows - k), y);
    }

    /// <summary>All steps that lie in one cache line of each of sixteen columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> LineAvx512(ref byte columns, nint stride, ref float x, nint xStride, Vector512<float> sum)
    {
        sum = FourSteps(ref columns, stride, ref x, xStride, sum);
        sum = FourSteps(ref Unsafe.Add(ref columns, 16), stride, ref Unsafe.Add(ref x, 4 * xStride), xStride, sum);
        sum = FourSteps(ref Unsafe.Add(ref columns, 32), stride, ref Unsafe.Add(ref x, 8 * xStride), xStride, sum);
        return FourSteps(ref Unsafe.Add(ref columns, 48), stride, ref Unsafe.Add(ref x, 12 * xStride), xStride, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> FourSteps(ref byte columns, nint stride, ref float x, nint xStride, Vector512<float> sum)
    {
        LaneColumns.Load(ref columns, stride, out Vector512<int> b0, out Vector512<int> b1, out Vector512<int> b2, out Vector512<int> b3);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x), b0.AsSingle(), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref x, xStride)), b1.AsSingle(), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref x, 2 * xStride)), b2.AsSingle(), sum);
        return Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref x, 3 * xStride)), b3.AsSingle(), sum);
    }
}
