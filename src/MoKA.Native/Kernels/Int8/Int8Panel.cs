using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// Some rows of W as the tiles read them, a block of depth 32 or 16 after another: groups of four steps, in each
/// four codes of every row side by side; then the rows' scales, and their minima if weights have them.
/// <code>[blocks][8 or 4 groups][width rows][4 codes]   [blocks][width] scales   [blocks][width] minima</code>
/// </summary>
internal readonly ref struct Int8Panel
{
    public const int StepsOfGroup = 4;

    private readonly int _groups;

    /// <summary>Room for <paramref name="width"/> rows of blocks of so many groups.</summary>
    public Int8Panel(int width, int blocks, int groups, Span<float> memory)
    {
        (Width, Blocks, _groups) = (width, blocks, groups);
        int codes = blocks * groups * width, scales = blocks * width;
        Codes = MemoryMarshal.Cast<float, uint>(memory[..codes]);
        Scales = memory.Slice(codes, scales);
        Minima = memory[(codes + scales)..];
    }

    public int Width { get; }

    public int Blocks { get; }

    /// <summary>Four codes each [blocks, groups, width].</summary>
    public Span<uint> Codes { get; }

    /// <summary>[blocks, width].</summary>
    public Span<float> Scales { get; }

    /// <summary>[blocks, width], or nothing.</summary>
    public Span<float> Minima { get; }

    /// <summary>How many floats of memory a panel takes.</summary>
    public static int FloatsFor(int width, int blocks, int groups, bool minima) => blocks * width * (groups + (minima ? 2 : 1));

    /// <summary>Puts four codes of a row in their place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put(int block, int group, int row, uint codes) => Codes[(block * _groups + group) * Width + row] = codes;

    /// <summary>The same for eight rows from <paramref name="row"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put(int block, int group, int row, Vector256<byte> codes) => codes.AsUInt32().CopyTo(Codes[((block * _groups + group) * Width + row)..]);
}
