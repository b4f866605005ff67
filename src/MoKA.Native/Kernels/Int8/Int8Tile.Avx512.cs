using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

internal static partial class Int8Tile
{
    /// <summary>Six tokens by 32 rows: 12 sums of integers and 12 of floats stay in registers.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void SixTokensAvx512<T>(scoped QuantizedTokens tokens, scoped in Int8Panel panel, Span<float> y, nuint stride) where T : IInt8Weights, allows ref struct
    {
        ref byte a = ref Unsafe.As<sbyte, byte>(ref MemoryMarshal.GetReference(tokens.Codes));
        ref float e = ref MemoryMarshal.GetReference(tokens.Scales), sum = ref MemoryMarshal.GetReference(tokens.Sums);
        ref int bias = ref MemoryMarshal.GetReference(tokens.Biases);
        ref SixteenIntegers w = ref Unsafe.As<uint, SixteenIntegers>(ref MemoryMarshal.GetReference(panel.Codes));
        ref float d = ref MemoryMarshal.GetReference(panel.Scales), m = ref MemoryMarshal.GetReference(panel.Minima);
        int blocks = panel.Blocks, depth = tokens.Depth;
        Vector512<float> y00 = Vector512<float>.Zero, y10 = Vector512<float>.Zero, y20 = Vector512<float>.Zero, y30 = Vector512<float>.Zero, y40 = Vector512<float>.Zero, y50 = Vector512<float>.Zero;
        Vector512<float> y01 = Vector512<float>.Zero, y11 = Vector512<float>.Zero, y21 = Vector512<float>.Zero, y31 = Vector512<float>.Zero, y41 = Vector512<float>.Zero, y51 = Vector512<float>.Zero;
        for (int b = 0; b < blocks; b++)
        {
            SixteenIntegers s00 = SixteenIntegers.Broadcast(T.Start(Unsafe.Add(ref bias, b))), s01 = s00;
            SixteenIntegers s10 = SixteenIntegers.Broadcast(T.Start(Unsafe.Add(ref bias, b + blocks))), s11 = s10;
            SixteenIntegers s20 = SixteenIntegers.Broadcast(T.Start(Unsafe.Add(ref bias, b + 2 * blocks))), s21 = s20;
            SixteenIntegers s30 = SixteenIntegers.Broadcast(T.Start(Unsafe.Add(ref bias, b + 3 * blocks))), s31 = s30;
            SixteenIntegers s40 = SixteenIntegers.Broadcast(T.Start(Unsafe.Add(ref bias, b + 4 * blocks))), s41 = s40;
            SixteenIntegers s50 = SixteenIntegers.Broadcast(T.Start(Unsafe.Add(ref bias, b + 5 * blocks))), s51 = s50;
            for (int g = 0; g < T.Groups; g++)
            {
                SixteenIntegers w0 = w, w1 = Unsafe.Add(ref w, 1);
                w = ref Unsafe.Add(ref w, 2);
                SixteenIntegers a0 = SixteenIntegers.Broadcast(Unsafe.ReadUnaligned<int>(ref a));
                s00 = T.Add<SixteenIntegers, SixteenLanes>(s00, w0, a0);
                s01 = T.Add<SixteenIntegers, SixteenLanes>(s01, w1, a0);
                SixteenIntegers a1 = SixteenIntegers.Broadcast(Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref a, depth)));
                s10 = T.Add<SixteenIntegers, SixteenLanes>(s10, w0, a1);
                s11 = T.Add<SixteenIntegers, SixteenLanes>(s11, w1, a1);
                SixteenIntegers a2 = SixteenIntegers.Broadcast(Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref a, 2 * depth)));
                s20 = T.Add<SixteenIntegers, SixteenLanes>(s20, w0, a2);
                s21 = T.Add<SixteenIntegers, SixteenLanes>(s21, w1, a2);
                SixteenIntegers a3 = SixteenIntegers.Broadcast(Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref a, 3 * depth)));
                s30 = T.Add<SixteenIntegers, SixteenLanes>(s30, w0, a3);
                s31 = T.Add<SixteenIntegers, SixteenLanes>(s31, w1, a3);
                SixteenIntegers a4 = SixteenIntegers.Broadcast(Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref a, 4 * depth)));
                s40 = T.Add<SixteenIntegers, SixteenLanes>(s40, w0, a4);
                s41 = T.Add<SixteenIntegers, SixteenLanes>(s41, w1, a4);
                SixteenIntegers a5 = SixteenIntegers.Broadcast(Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref a, 5 * depth)));
                s50 = T.Add<SixteenIntegers, SixteenLanes>(s50, w0, a5);
                s51 = T.Add<SixteenIntegers, SixteenLanes>(s51, w1, a5);
                a = ref Unsafe.Add(ref a, Int8Panel.StepsOfGroup);
            }
            Vector512<float> d0 = Vector512.LoadUnsafe(ref d), d1 = Vector512.LoadUnsafe(ref d, 16);
            d = ref Unsafe.Add(ref d, 32);
            Vector512<float> e0 = Vector512.Create(Unsafe.Add(ref e, b));
            y00 = Vector512.FusedMultiplyAdd(T.Whole<SixteenIntegers, SixteenLanes>(s00).ToFloats().Vector * d0, e0, y00);
            y01 = Vector512.FusedMultiplyAdd(T.Whole<SixteenIntegers, SixteenLanes>(s01).ToFloats().Vector * d1, e0, y01);
            Vector512<float> e1 = Vector512.Create(Unsafe.Add(ref e, b + blocks));
            y10 = Vector512.FusedMultiplyAdd(T.Whole<SixteenIntegers, SixteenLanes>(s10).ToFloats().Vector * d0, e1, y10);
            y11 = Vector512.FusedMultiplyAdd(T.Whole<SixteenIntegers, SixteenLanes>(s11).ToFloats().Vector * d1, e1, y11);
            Vector512<float> e2 = Vector512.Create(Unsafe.Add(ref e, b + 2 * blocks));
            y20 = Vector512.FusedMultiplyAdd(T.Whole<SixteenIntegers, SixteenLanes>(s20).ToFloats().Vector * d0, e2, y20);
            y21 = Vector512.FusedMultiplyAdd(T.Whole<SixteenIntegers, SixteenLanes>(s21).ToFloats().Vector * d1, e2, y21);
            Vector512<float> e3 = Vector512.Create(Unsafe.Add(ref e, b + 3 * blocks));
            y30 = Vector512.FusedMultiplyAdd(T.Whole<SixteenIntegers, SixteenLanes>(s30).ToFloats().Vector * d0, e3, y30);
            y31 = Vector512.FusedMultiplyAdd(T.Whole<SixteenIntegers, SixteenLanes>(s31).ToFloats().Vector * d1, e3, y31);
            Vector512<float> e4 = Vector512.Create(Unsafe.Add(ref e, b + 4 * blocks));
            y40 = Vector512.FusedMultiplyAdd(T.Whole<SixteenIntegers, SixteenLanes>(s40).ToFloats().Vector * d0, e4, y40);
            y41 = Vector512.FusedMultiplyAdd(T.Whole<SixteenIntegers, SixteenLanes>(s41).ToFloats().Vector * d1, e4, y41);
            Vector512<float> e5 = Vector512.Create(Unsafe.Add(ref e, b + 5 * blocks));
            y50 = Vector512.FusedMultiplyAdd(T.Whole<SixteenIntegers, SixteenLanes>(s50).ToFloats().Vector * d0, e5, y50);
            y51 = Vector512.FusedMultiplyAdd(T.Whole<SixteenIntegers, SixteenLanes>(s51).ToFloats().Vector * d1, e5, y51);
            if (T.HasMinimum)
            {
                Vector512<float> m0 = Vector512.LoadUnsafe(ref m), m1 = Vector512.LoadUnsafe(ref m, 16);
                m = ref Unsafe.Add(ref m, 32);
                Vector512<float> p0 = Vector512.Create(Unsafe.Add(ref sum, b));
                y00 = Vector512.FusedMultiplyAdd(m0, p0, y00);
                y01 = Vector512.FusedMultiplyAdd(m1, p0, y01);
                Vector512<float> p1 = Vector512.Create(Unsafe.Add(ref sum, b + blocks));
                y10 = Vector512.FusedMultiplyAdd(m0, p1, y10);
                y11 = Vector512.FusedMultiplyAdd(m1, p1, y11);
                Vector512<float> p2 = Vector512.Create(Unsafe.Add(ref sum, b + 2 * blocks));
                y20 = Vector512.FusedMultiplyAdd(m0, p2, y20);
                y21 = Vector512.FusedMultiplyAdd(m1, p2, y21);
                Vector512<float> p3 = Vector512.Create(Unsafe.Add(ref sum, b + 3 * blocks));
                y30 = Vector512.FusedMultiplyAdd(m0, p3, y30);
                y31 = Vector512.FusedMultiplyAdd(m1, p3, y31);
                Vector512<float> p4 = Vector512.Create(Unsafe.Add(ref sum, b + 4 * blocks));
                y40 = Vector512.FusedMultiplyAdd(m0, p4, y40);
                y41 = Vector512.FusedMultiplyAdd(m1, p4, y41);
                Vector512<float> p5 = Vector512.Create(Unsafe.Add(ref sum, b + 5 * blocks));
                y50 = Vector512.FusedMultiplyAdd(m0, p5, y50);
                y51 = Vector512.FusedMultiplyAdd(m1, p5, y51);
            }
        }
        ref float to = ref MemoryMarshal.GetReference(y);
        y00.StoreUnsafe(ref to);
        y01.StoreUnsafe(ref to, 16);
        y10.StoreUnsafe(ref to, stride);
        y11.StoreUnsafe(ref to, stride + 16);
        y20.StoreUnsafe(ref to, 2 * stride);
        y21.StoreUnsafe(ref to, 2 * stride + 16);
        y30.StoreUnsafe(ref to, 3 * stride);
        y31.StoreUnsafe(ref to, 3 * stride + 16);
        y40.StoreUnsafe(ref to, 4 * stride);
        y41.StoreUnsafe(ref to, 4 * stride + 16);
        y50.StoreUnsafe(ref to, 5 * stride);
        y51.StoreUnsafe(ref to, 5 * stride + 16);
    }
}
