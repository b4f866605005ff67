using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// ggml's Q4_K: eight groups of 32, each w = d s q - m t with 6-bit s and t. 256 weights in 144 bytes, 4.5 bits each.
/// <code>d f16 | m f16 | 12 bytes: pairs (s, t) | 128 bytes: of each 32, group 2p low and group 2p + 1 high</code>
/// </summary>
internal readonly struct Q4_K : IBlock
{
    private const int Size = 144, MinimumAt = 2, PairsAt = 4, CodesAt = 16;

    public static int Weights => 8 * GroupOf32.Length;

    public static int Bytes => Size;

    public static void Dequantize(ref byte block, int group, ref float weights)
    {
        (int s, int t) = SixBitPairs.Read(ref Unsafe.Add(ref block, PairsAt), group);
        ref byte codes = ref Unsafe.Add(ref block, CodesAt + group / 2 * GroupOf32.Length);
        GroupOf32.ScaleAndShift(GroupOf32.Halves(ref codes, high: group % 2 == 1), GroupOf32.Half(ref block, 0) * s, -(GroupOf32.Half(ref block, MinimumAt) * t), ref weights);
    }

    public static bool IsFinite(ref byte block) => float.IsFinite(GroupOf32.Half(ref block, 0)) && float.IsFinite(GroupOf32.Half(ref block, MinimumAt));
}
