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

    /// <summary>Puts four codes of a row in their place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put(int block, int group, int row, uint codes) => Codes[(block * Groups + group) * Width + row] = codes;

    /// <summary>The same for eight rows from <paramref name="row"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put(int block, int group, int row, Vector256<byte> codes) => codes.AsUInt32().CopyTo(Codes[((block * Groups + group) * Width + row)..]);
}
