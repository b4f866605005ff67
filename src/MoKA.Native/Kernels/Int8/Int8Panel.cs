using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// Some rows of W as the tiles read them, a block of depth 32 after another: eight groups of four steps, in each
/// four codes of every row side by side, and then the rows' scales.
/// <code>[blocks][8 groups][width rows][4 codes]   [blocks][width] scales</code>
/// </summary>
internal readonly ref struct Int8Panel
{
    public const int Groups = 8, StepsOfGroup = 4;

    /// <summary>Room for <paramref name="width"/> rows.</summary>
    public Int8Panel(int width, int blocks, Span<float> memory)
    {
        (Width, Blocks) = (width, blocks);
        int codes = blocks * Groups * width;
        Codes = MemoryMarshal.Cast<float, uint>(memory[..codes]);
        Scales = memory.Slice(codes, blocks * width);
    }

    public int Width { get; }

    public int Blocks { get; }

    /// <summary>Four codes each [blocks, 8, width].</summary>
    public Span<uint> Codes { get; }

    /// <summary>[blocks, width].</summary>
    public Span<float> Scales { get; }

    /// <summary>How many floats of memory a panel takes.</summary>
    public static int FloatsFor(int width, int blocks) => blocks * width * (Groups + 1);

    /// <summary>Puts a block's 32 codes of a row in their places.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put(int row, int block, Vector128<byte> first, Vector128<byte> last)
    {
        Span<uint> to = Codes.Slice(block * Groups * Width, Groups * Width);
        for (int g = 0; g < Groups / 2; g++)
        {
            to[g * Width + row] = first.AsUInt32()[g];
            to[(g + Groups / 2) * Width + row] = last.AsUInt32()[g];
        }
    }
}
