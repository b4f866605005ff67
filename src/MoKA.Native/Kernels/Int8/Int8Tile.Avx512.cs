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
        ref sbyte a = ref MemoryMarshal.GetReference(tokens.Codes);
        ref float e = ref MemoryMarshal.GetReference(tokens.Scales), sum = ref MemoryMarshal.GetReference(tokens.Sums);
        ref int bias = ref MemoryMarshal.GetReference(tokens.Biases);
        ref byte w = ref Unsafe.As<uint, byte>(ref MemoryMarshal.GetReference(panel.Codes));
        ref float d = ref MemoryMarshal.GetReference(panel.Scales), m = ref MemoryMarshal.GetReference(panel.Minima);
        int blocks = panel.Blocks, depth = tokens.Depth;
        Vector512<float> y00 = Vector512<float>.Zero, y10 = Vector512<float>.Zero, y20 = Vector512<float>.Zero, y30 = Vector512<float>.Zero, y40 = Vector512<float>.Zero, y50 = Vector512<float>.Zero;
        Vector512<float> y01 = Vector512<float>.Zero, y11 = Vector512<float>.Zero, y21 = Vector512<float>.Zero, y31 = Vector512<float>.Zero, y41 = Vector512<float>.Zero, y51 = Vector512<float>.Zero;
        for (int b = 0; b < blocks; b++)
        {
            Vector512<int> s00 = Vector512.Create(T.Start(Unsafe.Add(ref bias, b))), s01 = s00;
            Vector512<int> s10 = Vector512.Create(T.Start(Unsafe.Add(ref bias, b + blocks))), s11 = s10;
            Vector512<int> s20 = Vector512.Create(T.Start(Unsafe.Add(ref bias, b + 2 * blocks))), s21 = s20;
            Vector512<int> s30 = Vector512.Create(T.Start(Unsafe.Add(ref bias, b + 3 * blocks))), s31 = s30;
            Vector512<int> s40 = Vector512.Create(T.Start(Unsafe.Add(ref bias, b + 4 * blocks))), s41 = s40;
            Vector512<int> s50 = Vector512.Create(T.Start(Unsafe.Add(ref bias, b + 5 * blocks))), s51 = s50;
            for (int g = 0; g < T.Groups; g++)
            {
                Vector512<byte> w0 = Vector512.LoadUnsafe(ref w), w1 = Vector512.LoadUnsafe(ref w, 64);
                w = ref Unsafe.Add(ref w, 128);
                Vector512<sbyte> a0 = Vector512.Create(Unsafe.ReadUnaligned<int>(ref Unsafe.As<sbyte, byte>(ref a))).AsSByte();
                s00 = T.Add(s00, w0, a0);
                s01 = T.Add(s01, w1, a0);
                Vector512<sbyte> a1 = Vector512.Create(Unsafe.ReadUnaligned<int>(ref Unsafe.As<sbyte, byte>(ref Unsafe.Add(ref a, depth)))).AsSByte();
                s10 = T.Add(s10, w0, a1);
                s11 = T.Add(s11, w1, a1);
                Vector512<sbyte> a2 = Vector512.Create(Unsafe.ReadUnaligned<int>(ref Unsafe.As<sbyte, byte>(ref Unsafe.Add(ref a, 2 * depth)))).AsSByte();
                s20 = T.Add(s20, w0, a2);
                s21 = T.Add(s21, w1, a2);
                Vector512<sbyte> a3 = Vector512.Create(Unsafe.ReadUnaligned<int>(ref Unsafe.As<sbyte, byte>(ref Unsafe.Add(ref a, 3 * depth)))).AsSByte();
                s30 = T.Add(s30, w0, a3);
                s31 = T.Add(s31, w1, a3);
                Vector512<sbyte> a4 = Vector512.Create(Unsafe.ReadUnaligned<int>(ref Unsafe.As<sbyte, byte>(ref Unsafe.Add(ref a, 4 * depth)))).AsSByte();
                s40 = T.Add(s40, w0, a4);
                s41 = T.Add(s41, w1, a4);
                Vector512<sbyte> a5 = Vector512.Create(Unsafe.ReadUnaligned<int>(ref Unsafe.As<sbyte, byte>(ref Unsafe.Add(ref a, 5 * depth)))).AsSByte();
                s50 = T.Add(s50, w0, a5);
                s51 = T.Add(s51, w1, a5);
                a = ref Unsafe.Add(ref a, Int8Panel.StepsOfGroup);
            }
            Vector512<float> d0 = Vector512.LoadUnsafe(ref d), d1 = Vector512.LoadUnsafe(ref d, 16);
            d = ref Unsafe.Add(ref d, 32);
            Vector512<float> e0 = Vector512.Create(Unsafe.Add(ref e, b));
            y00 = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(T.Whole(s00)) * d0, e0, y00);
            y01 = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(T.Whole(s01)) * d1, e0, y01);
            Vector512<float> e1 = Vector512.Create(Unsafe.Add(ref e, b + blocks));
            y10 = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(T.Whole(s10)) * d0, e1, y10);
            y11 = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(T.Whole(s11)) * d1, e1, y11);
            Vector512<float> e2 = Vector512.Create(Unsafe.Add(ref e, b + 2 * blocks));
            y20 = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(T.Whole(s20)) * d0, e2, y20);
            y21 = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(T.Whole(s21)) * d1, e2, y21);
            Vector512<float> e3 = Vector512.Create(Unsafe.Add(ref e, b + 3 * blocks));
            y30 = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(T.Whole(s30)) * d0, e3, y30);
            y31 = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(T.Whole(s31)) * d1, e3, y31);
            Vector512<float> e4 = Vector512.Create(Unsafe.Add(ref e, b + 4 * blocks));
            y40 = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(T.Whole(s40)) * d0, e4, y40);
            y41 = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(T.Whole(s41)) * d1, e4, y41);
            Vector512<float> e5 = Vector512.Create(Unsafe.Add(ref e, b + 5 * blocks));
            y50 = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(T.Whole(s50)) * d0, e5, y50);
            y51 = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(T.Whole(s51)) * d1, e5, y51);
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

    /// <summary>One token by 32 rows.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void OneTokenAvx512<T>(scoped QuantizedTokens tokens, scoped in Int8Panel panel, Span<float> y) where T : IInt8Weights, allows ref struct
    {
        ref sbyte a = ref MemoryMarshal.GetReference(tokens.Codes);
        ref float e = ref MemoryMarshal.GetReference(tokens.Scales), sum = ref MemoryMarshal.GetReference(tokens.Sums);
        ref int bias = ref MemoryMarshal.GetReference(tokens.Biases);
        ref byte w = ref Unsafe.As<uint, byte>(ref MemoryMarshal.GetReference(panel.Codes));
        ref float d = ref MemoryMarshal.GetReference(panel.Scales), m = ref MemoryMarshal.GetReference(panel.Minima);
        int blocks = panel.Blocks;
        Vector512<float> y00 = Vector512<float>.Zero;
        Vector512<float> y01 = Vector512<float>.Zero;
        for (int b = 0; b < blocks; b++)
        {
            Vector512<int> s00 = Vector512.Create(T.Start(Unsafe.Add(ref bias, b))), s01 = s00;
            for (int g = 0; g < T.Groups; g++)
            {
                Vector512<byte> w0 = Vector512.LoadUnsafe(ref w), w1 = Vector512.LoadUnsafe(ref w, 64);
                w = ref Unsafe.Add(ref w, 128);
                Vector512<sbyte> a0 = Vector512.Create(Unsafe.ReadUnaligned<int>(ref Unsafe.As<sbyte, byte>(ref a))).AsSByte();
                s00 = T.Add(s00, w0, a0);
                s01 = T.Add(s01, w1, a0);
                a = ref Unsafe.Add(ref a, Int8Panel.StepsOfGroup);
            }
            Vector512<float> d0 = Vector512.LoadUnsafe(ref d), d1 = Vector512.LoadUnsafe(ref d, 16);
            d = ref Unsafe.Add(ref d, 32);
            Vector512<float> e0 = Vector512.Create(Unsafe.Add(ref e, b));
            y00 = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(T.Whole(s00)) * d0, e0, y00);
            y01 = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(T.Whole(s01)) * d1, e0, y01);
            if (T.HasMinimum)
            {
                Vector512<float> m0 = Vector512.LoadUnsafe(ref m), m1 = Vector512.LoadUnsafe(ref m, 16);
                m = ref Unsafe.Add(ref m, 32);
                Vector512<float> p0 = Vector512.Create(Unsafe.Add(ref sum, b));
                y00 = Vector512.FusedMultiplyAdd(m0, p0, y00);
                y01 = Vector512.FusedMultiplyAdd(m1, p0, y01);
            }
        }
        ref float to = ref MemoryMarshal.GetReference(y);
        y00.StoreUnsafe(ref to);
        y01.StoreUnsafe(ref to, 16);
    }
}
