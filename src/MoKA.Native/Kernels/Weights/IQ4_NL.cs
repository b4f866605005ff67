using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// ggml's IQ4_NL, sixteen uneven levels: w = level(q) d. 32 weights in 18 bytes, 4.5 bits each.
/// <code>d f16 | 16 bytes: weight j low, weight j + 16 high</code>
/// </summary>
internal readonly struct IQ4_NL : IBlock
{
    private const int Size = 18, CodesAt = 2;

    public static int Weights => GroupOf32.Length;

    public static int Bytes => Size;

    public static void Dequantize(ref byte block, int group, ref float weights)
    {
        Vector128<sbyte> levels = Vector128.Create((sbyte)-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
        Vector256<byte> codes = GroupOf32.LowThenHighHalves(ref Unsafe.Add(ref block, CodesAt));
        Vector256<sbyte> q = Vector256.Create(Vector128.Shuffle(levels, codes.GetLower().AsSByte()), Vector128.Shuffle(levels, codes.GetUpper().AsSByte()));
        GroupOf32.Scale(q, GroupOf32.Half(ref block, 0), ref weights);
    }

    public static bool IsFinite(ref byte block) => float.IsFinite(GroupOf32.Half(ref block, 0));
}
