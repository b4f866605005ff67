using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// Some tokens times a panel of W. In each lane of 32 bits the four products of a group are added up over the eight groups of a
/// block, in the way that the weights allow (<see cref="IInt8Weights"/>).
/// </summary>
internal static partial class Int8Tile
{
    /// <summary>The most tokens and rows of any tile.</summary>
    public const int MostTokens = 6, MostWidth = 32;

    /// <summary>Rows of W in a panel.</summary>
    public static int Width(InstructionSet set) => set == InstructionSet.Avx512 ? 32 : 16;

    /// <summary>How many of the tokens that are left the next tile takes.</summary>
    public static int Height(InstructionSet set, int left)
    {
        int tall = set switch { InstructionSet.Avx512 => 6, InstructionSet.Avx2 => 3, _ => 1 };
        return left >= tall ? tall : 1;
    }

    /// <summary>y [tokens, width], its rows <paramref name="stride"/> apart, = tokens, as many as <see cref="Height"/> says, times the panel.</summary>
    public static void Run<T>(InstructionSet set, scoped QuantizedTokens tokens, scoped in Int8Panel panel, Span<float> y, int stride) where T : IInt8Weights, allows ref struct
    {
        // The slice proves the bounds once; the tiles then read and write without checks.
        y = y[..((tokens.Tokens - 1) * stride + panel.Width)];
        if (panel.Blocks == 0)
        {
            for (int t = 0; t < tokens.Tokens; t++) y.Slice(t * stride, panel.Width).Clear();
            return;
        }
        switch (set)
        {
            case InstructionSet.Avx512 when tokens.Tokens == 6:
                SixTokensAvx512<T>(tokens, in panel, y, (nuint)stride);
                break;
            case InstructionSet.Avx512:
                OneToken<T, SixteenIntegers, SixteenLanes>(tokens, in panel, y);
                break;
            case InstructionSet.Avx2 when tokens.Tokens == 3:
                ThreeTokensAvx2<T>(tokens, in panel, y, (nuint)stride);
                break;
            case InstructionSet.Avx2:
                OneToken<T, EightIntegers, EightLanes>(tokens, in panel, y);
                break;
            default:
                Scalar<T>(tokens, in panel, y);
                break;
        }
    }

    /// <summary>One token by two registers of rows.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void OneToken<T, TIntegers, TFloats>(scoped QuantizedTokens token, scoped in Int8Panel panel, Span<float> y)
        where T : IInt8Weights, allows ref struct
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats>
    {
        ref byte a = ref Unsafe.As<sbyte, byte>(ref MemoryMarshal.GetReference(token.Codes));
        ref float e = ref MemoryMarshal.GetReference(token.Scales), sum = ref MemoryMarshal.GetReference(token.Sums);
        ref int bias = ref MemoryMarshal.GetReference(token.Biases);
        ref TIntegers w = ref Unsafe.As<uint, TIntegers>(ref MemoryMarshal.GetReference(panel.Codes));
        ref float d = ref MemoryMarshal.GetReference(panel.Scales), m = ref MemoryMarshal.GetReference(panel.Minima);
        int blocks = panel.Blocks;
        TFloats y0 = default, y1 = default;
        for (int b = 0; b < blocks; b++)
        {
            TIntegers s0 = TIntegers.Broadcast(T.Start(Unsafe.Add(ref bias, b))), s1 = s0;
            for (int g = 0; g < T.Groups; g++)
            {
                TIntegers p = TIntegers.Broadcast(Unsafe.ReadUnaligned<int>(ref a));
                s0 = T.Add<TIntegers, TFloats>(s0, w, p);
                s1 = T.Add<TIntegers, TFloats>(s1, Unsafe.Add(ref w, 1), p);
                w = ref Unsafe.Add(ref w, 2);
                a = ref Unsafe.Add(ref a, Int8Panel.StepsOfGroup);
            }
            TFloats e0 = TFloats.Broadcast(Unsafe.Add(ref e, b));
            y0 = TFloats.Fma(T.Whole<TIntegers, TFloats>(s0).ToFloats() * TFloats.Load(ref d, 0), e0, y0);
            y1 = TFloats.Fma(T.Whole<TIntegers, TFloats>(s1).ToFloats() * TFloats.Load(ref d, TFloats.Count), e0, y1);
            d = ref Unsafe.Add(ref d, 2 * TFloats.Count);
            if (!T.HasMinimum) continue;
            TFloats p0 = TFloats.Broadcast(Unsafe.Add(ref sum, b));
            y0 = TFloats.Fma(TFloats.Load(ref m, 0), p0, y0);
            y1 = TFloats.Fma(TFloats.Load(ref m, TFloats.Count), p0, y1);
            m = ref Unsafe.Add(ref m, 2 * TFloats.Count);
        }
        ref float to = ref MemoryMarshal.GetReference(y);
        y0.Store(ref to, 0);
        y1.Store(ref to, TFloats.Count);
    }

    /// <summary>The specification, for one token.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Scalar<T>(scoped QuantizedTokens token, scoped in Int8Panel panel, Span<float> y) where T : IInt8Weights, allows ref struct
    {
        ReadOnlySpan<byte> weights = MemoryMarshal.AsBytes(panel.Codes);
        for (int row = 0; row < panel.Width; row++)
        {
            float sum = 0;
            for (int b = 0; b < panel.Blocks; b++)
            {
                int products = 0, scale = b * panel.Width + row;
                for (int k = 0; k < token.BlockSize; k++)
                {
                    int at = ((b * T.Groups + k / Int8Panel.StepsOfGroup) * panel.Width + row) * Int8Panel.StepsOfGroup + k % Int8Panel.StepsOfGroup;
                    products += T.Weight(weights[at]) * token.Codes[b * token.BlockSize + k];
                }
                sum = MathF.FusedMultiplyAdd(products * panel.Scales[scale], token.Scales[b], sum);
                if (T.HasMinimum) sum = MathF.FusedMultiplyAdd(panel.Minima[scale], token.Sums[b], sum);
            }
            y[row] = sum;
        }
    }
}
