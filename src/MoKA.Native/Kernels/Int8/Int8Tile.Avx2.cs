using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

internal static partial class Int8Tile
{
    /// <summary>Three tokens by 16 rows: 6 sums of integers and 6 of floats stay in registers.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void ThreeTokensAvx2<T>(scoped QuantizedTokens tokens, scoped in Int8Panel panel, Span<float> y, nuint stride) where T : IInt8Weights, allows ref struct
    {
        ref byte a = ref Unsafe.As<sbyte, byte>(ref MemoryMarshal.GetReference(tokens.Codes));
        ref float e = ref MemoryMarshal.GetReference(tokens.Scales), sum = ref MemoryMarshal.GetReference(tokens.Sums);
        ref int bias = ref MemoryMarshal.GetReference(tokens.Biases);
        ref EightIntegers w = ref Unsafe.As<uint, EightIntegers>(ref MemoryMarshal.GetReference(panel.Codes));
        ref float d = ref MemoryMarshal.GetReference(panel.Scales), m = ref MemoryMarshal.GetReference(panel.Minima);
        int blocks = panel.Blocks, depth = tokens.Depth;
        Vector256<float> y00 = Vector256<float>.Zero, y10 = Vector256<float>.Zero, y20 = Vector256<float>.Zero;
        Vector256<float> y01 = Vector256<float>.Zero, y11 = Vector256<float>.Zero, y21 = Vector256<float>.Zero;
        for (int b = 0; b < blocks; b++)
        {
            EightIntegers s00 = EightIntegers.Broadcast(T.Start(Unsafe.Add(ref bias, b))), s01 = s00;
            EightIntegers s10 = EightIntegers.Broadcast(T.Start(Unsafe.Add(ref bias, b + blocks))), s11 = s10;
            EightIntegers s20 = EightIntegers.Broadcast(T.Start(Unsafe.Add(ref bias, b + 2 * blocks))), s21 = s20;
            for (int g = 0; g < T.Groups; g++)
            {
                EightIntegers w0 = w, w1 = Unsafe.Add(ref w, 1);
                w = ref Unsafe.Add(ref w, 2);
                EightIntegers a0 = EightIntegers.Broadcast(Unsafe.ReadUnaligned<int>(ref a));
                s00 = T.Add<EightIntegers, EightLanes>(s00, w0, a0);
                s01 = T.Add<EightIntegers, EightLanes>(s01, w1, a0);
                EightIntegers a1 = EightIntegers.Broadcast(Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref a, depth)));
                s10 = T.Add<EightIntegers, EightLanes>(s10, w0, a1);
                s11 = T.Add<EightIntegers, EightLanes>(s11, w1, a1);
                EightIntegers a2 = EightIntegers.Broadcast(Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref a, 2 * depth)));
                s20 = T.Add<EightIntegers, EightLanes>(s20, w0, a2);
                s21 = T.Add<EightIntegers, EightLanes>(s21, w1, a2);
                a = ref Unsafe.Add(ref a, Int8Panel.StepsOfGroup);
            }
            Vector256<float> d0 = Vector256.LoadUnsafe(ref d), d1 = Vector256.LoadUnsafe(ref d, 8);
            d = ref Unsafe.Add(ref d, 16);
            Vector256<float> e0 = Vector256.Create(Unsafe.Add(ref e, b));
            y00 = Vector256.FusedMultiplyAdd(T.Whole<EightIntegers, EightLanes>(s00).ToFloats().Vector * d0, e0, y00);
            y01 = Vector256.FusedMultiplyAdd(T.Whole<EightIntegers, EightLanes>(s01).ToFloats().Vector * d1, e0, y01);
            Vector256<float> e1 = Vector256.Create(Unsafe.Add(ref e, b + blocks));
            y10 = Vector256.FusedMultiplyAdd(T.Whole<EightIntegers, EightLanes>(s10).ToFloats().Vector * d0, e1, y10);
            y11 = Vector256.FusedMultiplyAdd(T.Whole<EightIntegers, EightLanes>(s11).ToFloats().Vector * d1, e1, y11);
            Vector256<float> e2 = Vector256.Create(Unsafe.Add(ref e, b + 2 * blocks));
            y20 = Vector256.FusedMultiplyAdd(T.Whole<EightIntegers, EightLanes>(s20).ToFloats().Vector * d0, e2, y20);
            y21 = Vector256.FusedMultiplyAdd(T.Whole<EightIntegers, EightLanes>(s21).ToFloats().Vector * d1, e2, y21);
            if (T.HasMinimum)
            {
                Vector256<float> m0 = Vector256.LoadUnsafe(ref m), m1 = Vector256.LoadUnsafe(ref m, 8);
                m = ref Unsafe.Add(ref m, 16);
                Vector256<float> p0 = Vector256.Create(Unsafe.Add(ref sum, b));
                y00 = Vector256.FusedMultiplyAdd(m0, p0, y00);
                y01 = Vector256.FusedMultiplyAdd(m1, p0, y01);
                Vector256<float> p1 = Vector256.Create(Unsafe.Add(ref sum, b + blocks));
                y10 = Vector256.FusedMultiplyAdd(m0, p1, y10);
                y11 = Vector256.FusedMultiplyAdd(m1, p1, y11);
                Vector256<float> p2 = Vector256.Create(Unsafe.Add(ref sum, b + 2 * blocks));
                y20 = Vector256.FusedMultiplyAdd(m0, p2, y20);
                y21 = Vector256.FusedMultiplyAdd(m1, p2, y21);
            }
        }
        ref float to = ref MemoryMarshal.GetReference(y);
        y00.StoreUnsafe(ref to);
        y01.StoreUnsafe(ref to, 8);
        y10.StoreUnsafe(ref to, stride);
        y11.StoreUnsafe(ref to, stride + 8);
        y20.StoreUnsafe(ref to, 2 * stride);
        y21.StoreUnsafe(ref to, 2 * stride + 8);
    }
}
