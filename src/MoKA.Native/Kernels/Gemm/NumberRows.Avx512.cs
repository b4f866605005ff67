using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

internal static partial class NumberRows
{
    /// <summary>Thirty-two rows in two registers, with half the instructions of four.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void TwoRegistersAvx512<TNumbers>(Operands of, int pieces, Span<float> y) where TNumbers : struct, INumbers
    {
        const int sixteen = LaneColumns.Rows;
        nint stride = of.Stride, xStride = of.XStride, step = TNumbers.OfPiece * xStride;
        ref byte at = ref of.Rows, second = ref Unsafe.Add(ref at, sixteen * stride);
        ref float value = ref of.X;
        Vector512<float> low = Vector512.Create<float>(y), high = Vector512.Create<float>(y[sixteen..]);
        for (int turn = 0; turn < pieces; turn++)
        {
            AskForEight(ref at, turn, Eight * stride, stride);
            low = AddSixteen<TNumbers>(ref at, stride, ref value, xStride, low);
            high = AddSixteen<TNumbers>(ref second, stride, ref value, xStride, high);
            at = ref Unsafe.Add(ref at, Piece);
            second = ref Unsafe.Add(ref second, Piece);
            value = ref Unsafe.Add(ref value, step);
        }
        low.CopyTo(y);
        high.CopyTo(y[sixteen..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> AddSixteen<TNumbers>(ref byte rows, nint stride, ref float x, nint xStride, Vector512<float> sum) where TNumbers : struct, INumbers
    {
        LaneColumns.Load(ref rows, stride, out Vector512<int> c0, out Vector512<int> c1, out Vector512<int> c2, out Vector512<int> c3);
        return TNumbers.Add(c0, c1, c2, c3, ref x, xStride, sum);
    }
}
