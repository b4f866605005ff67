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
                OneTokenAvx512<T>(tokens, in panel, y);
                break;
            case InstructionSet.Avx2 when tokens.Tokens == 3:
                ThreeTokensAvx2<T>(tokens, in panel, y, (nuint)stride);
                break;
            case InstructionSet.Avx2:
                OneTokenAvx2<T>(tokens, in panel, y);
                break;
            default:
                Scalar<T>(tokens, in panel, y);
                break;
        }
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
