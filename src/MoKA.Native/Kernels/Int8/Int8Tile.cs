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

    /// <summary>y [count, width], its rows <paramref name="stride"/> apart, = tokens from <paramref name="first"/> on times the panel; count as <see cref="Height"/> says.</summary>
    public static void Run<T>(InstructionSet set, scoped in QuantizedTokens tokens, int first, int count, scoped in Int8Panel panel, Span<float> y, int stride) where T : IInt8Weights, allows ref struct
    {
        // The slices prove the bounds once; the tiles then read and write without checks.
        ReadOnlySpan<sbyte> codes = tokens.Codes.Slice(first * tokens.Depth, count * tokens.Depth);
        ReadOnlySpan<float> scales = tokens.Scales.Slice(first * tokens.Blocks, count * tokens.Blocks);
        ReadOnlySpan<int> biases = tokens.Biases.Slice(first * tokens.Blocks, count * tokens.Blocks);
        y = y[..((count - 1) * stride + panel.Width)];
        if (panel.Blocks == 0)
        {
            for (int t = 0; t < count; t++) y.Slice(t * stride, panel.Width).Clear();
            return;
        }
        switch (set)
        {
            case InstructionSet.Avx512 when count == 6:
                SixTokensAvx512<T>(codes, scales, biases, tokens.Depth, in panel, y, (nuint)stride);
                break;
            case InstructionSet.Avx512:
                OneTokenAvx512<T>(codes, scales, biases, in panel, y);
                break;
            case InstructionSet.Avx2 when count == 3:
                ThreeTokensAvx2<T>(codes, scales, biases, tokens.Depth, in panel, y, (nuint)stride);
                break;
            case InstructionSet.Avx2:
                OneTokenAvx2<T>(codes, scales, biases, in panel, y);
                break;
            default:
                Scalar<T>(codes, scales, in panel, y);
                break;
        }
    }

    /// <summary>The specification, for one token.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Scalar<T>(ReadOnlySpan<sbyte> codes, ReadOnlySpan<float> scales, scoped in Int8Panel panel, Span<float> y) where T : IInt8Weights, allows ref struct
    {
        ReadOnlySpan<byte> weights = MemoryMarshal.AsBytes(panel.Codes);
        for (int row = 0; row < panel.Width; row++)
        {
            float sum = 0;
            for (int b = 0; b < panel.Blocks; b++)
            {
                int products = 0;
                for (int k = 0; k < QuantizedTokens.Block; k++)
                {
                    int at = ((b * Int8Panel.Groups + k / Int8Panel.StepsOfGroup) * panel.Width + row) * Int8Panel.StepsOfGroup + k % Int8Panel.StepsOfGroup;
                    products += (weights[at] - T.Centre) * codes[b * QuantizedTokens.Block + k];
                }
                sum = MathF.FusedMultiplyAdd(products * panel.Scales[b * panel.Width + row], scales[b], sum);
            }
            y[row] = sum;
        }
    }
}
