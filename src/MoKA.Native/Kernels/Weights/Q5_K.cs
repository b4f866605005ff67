using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// ggml's Q5_K: eight groups of 32, each w = d s q - m t with 6-bit s and t. 256 weights in 176 bytes, 5.5 bits each.
/// <code>d f16 | m f16 | 12 bytes: pairs (s, t) | 32 bytes: bit g of byte j is the fifth bit of weight j of group g
/// | 128 bytes: of each 32, group 2p low and group 2p + 1 high</code>
/// </summary>
internal readonly struct Q5_K : IBlock
{
    private const int Size = 176, MinimumAt = 2, PairsAt = 4, FifthBitsAt = 16, CodesAt = 48;

    public static int Weights => 8 * GroupOf32.Length;

    public static int Bytes => Size;

    public static void Dequantize(ref byte block, int group, ref float weights)
    {
        (int s, int t) = SixBitPairs.Read(ref Unsafe.Add(ref block, PairsAt), group);
        Vector256<byte> bit = Vector256.Create((byte)(1 << group)), bits = Vector256.LoadUnsafe(ref Unsafe.Add(ref block, FifthBitsAt));
        Vector256<byte> fifth = Vector256.Equals(bits & bit, bit) & Vector256.Create((byte)16);
        Vector256<byte> q = GroupOf32.Halves(ref Unsafe.Add(ref block, CodesAt + group / 2 * GroupOf32.Length), high: group % 2 == 1) | fifth;
        GroupOf32.ScaleAndShift(q, GroupOf32.Half(ref block, 0) * s, -(GroupOf32.Half(ref block, MinimumAt) * t), ref weights);
    }

    public static bool IsFinite(ref byte block) => float.IsFinite(GroupOf32.Half(ref block, 0)) && float.IsFinite(GroupOf32.Half(ref block, MinimumAt));
}
