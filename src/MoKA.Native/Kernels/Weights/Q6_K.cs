using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// ggml's Q6_K: sixteen runs of 16, each w = (q - 32) d s with a signed byte s. 256 weights in 210 bytes, 6.6 bits each.
/// <code>128 bytes: lower four bits | 64 bytes: upper two | 16 bytes: s | d f16</code>
/// Each half of 128 weights is four groups g of 32: lower bits in byte j + 32 (g mod 2), low half for g &lt; 2 and high
/// half after; upper bits at 2 g of byte j.
/// </summary>
internal readonly struct Q6_K : IBlock
{
    private const int Size = 210, UpperAt = 128, ScalesAt = 192, ScaleAt = 208, Centre = 32;

    public static int Weights => 8 * GroupOf32.Length;

    public static int Bytes => Size;

    public static void Dequantize(ref byte block, int group, ref float weights)
    {
        int half = group / 4, g = group % 4;
        Vector256<byte> lower = GroupOf32.Halves(ref Unsafe.Add(ref block, half * 64 + g % 2 * GroupOf32.Length), high: g >= 2);
        Vector256<byte> upper = GroupOf32.TwoBits(ref Unsafe.Add(ref block, UpperAt + half * GroupOf32.Length), g);
        Vector256<sbyte> q = (lower | (upper.AsUInt16() << 4).AsByte()).AsSByte() - Vector256.Create((sbyte)Centre);
        float d = GroupOf32.Half(ref block, ScaleAt);
        ref byte scales = ref Unsafe.Add(ref block, ScalesAt + 2 * group);
        GroupOf32.Scale(q, d * (sbyte)scales, d * (sbyte)Unsafe.Add(ref scales, 1), ref weights);
    }

    public static bool IsFinite(ref byte block) => float.IsFinite(GroupOf32.Half(ref block, ScaleAt));
}
