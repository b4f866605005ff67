using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// Some rows of W in Q4_0 as the tiles read them, a block of depth 32 after another: eight groups of four steps, in each
/// four codes of every row side by side, and then the rows' scales.
/// <code>[blocks][8 groups][width rows][4 codes]   [blocks][width] scales</code>
/// </summary>
internal readonly ref struct Int8Panel
{
    public const int Groups = 8, StepsOfGroup = 4;
    private const uint LowHalves = 0x0F0F0F0F;

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

    /// <summary>Lays out rows of whole blocks; rows that are not there get scales of zero.</summary>
    [MethodImpl(Compiled.AtOnce)]
    public void Pack(ReadOnlySpan<byte> weights, int rows)
    {
        if (rows < Width) Scales.Clear();
        for (int row = 0; row < rows; row++)
        {
            ReadOnlySpan<byte> blocks = weights.Slice(row * Blocks * Q4_0.Bytes, Blocks * Q4_0.Bytes);
            for (int b = 0; b < Blocks; b++)
            {
                ReadOnlySpan<byte> block = blocks.Slice(b * Q4_0.Bytes, Q4_0.Bytes);
                Scales[b * Width + row] = (float)MemoryMarshal.Read<Half>(block);
                Span<uint> to = Codes.Slice(b * Groups * Width, Groups * Width);
                for (int g = 0; g < Groups / 2; g++)
                {
                    // The low halves of the 16 bytes are steps 0 .. 15, the high halves steps 16 .. 31.
                    uint pairs = MemoryMarshal.Read<uint>(block[(2 + g * StepsOfGroup)..]);
                    to[g * Width + row] = pairs & LowHalves;
                    to[(g + Groups / 2) * Width + row] = pairs >> 4 & LowHalves;
                }
            }
        }
    }
}
