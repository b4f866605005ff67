using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// ggml's Q2_K: sixteen runs of 16, each w = d s q - m t with 4-bit s and t. 256 weights in 84 bytes, 2.6 bits each.
/// <code>16 bytes: s low, t high | 64 bytes: codes | d f16 | m f16</code>
/// Each half of 128 weights is four groups g of 32, whose codes lie at bits 2 g of the half's 32 bytes.
/// </summary>
internal readonly struct Q2_K : IBlock
{
    private const int Size = 84, CodesAt = 16, ScaleAt = 80, MinimumAt = 82;

    public static int Weights => 8 * GroupOf32.Length;

    public static int Bytes => Size;

    public static void Dequantize(ref byte block, int group, ref float weights)
    {
        Vector256<sbyte> q = GroupOf32.TwoBits(ref Unsafe.Add(ref block, CodesAt + group / 4 * GroupOf32.Length), group % 4).AsSByte();
        float d = GroupOf32.Half(ref block, ScaleAt), m = GroupOf32.Half(ref block, MinimumAt);
        int first = Unsafe.Add(ref block, 2 * group), last = Unsafe.Add(ref block, 2 * group + 1);
        GroupOf32.ScaleAndShift(q, d * (first & 15), -(m * (first >> 4)), d * (last & 15), -(m * (last >> 4)), ref weights);
    }

    public static bool IsFinite(ref byte block) => float.IsFinite(GroupOf32.Half(ref block, ScaleAt)) && float.IsFinite(GroupOf32.Half(ref block, MinimumAt));
}
