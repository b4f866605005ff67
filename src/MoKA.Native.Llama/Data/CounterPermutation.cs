using System.Numerics;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Data;

/// <summary>
/// A random order of 0 to count - 1 without a state and without a table: a Feistel network permutes the next power of
/// four, and a value that falls outside is sent through again until it falls inside.
/// </summary>
/// <remarks>Source: Black and Rogaway, "Ciphers with arbitrary finite domains", 2002 (cycle walking).</remarks>
internal static class CounterPermutation
{
    private const int Rounds = 8;

    /// <summary>The value at a place of the order that (seed, stream) names.</summary>
    public static int At(ulong seed, ulong stream, int place, int count)
    {
        int half = (BitOperations.Log2((uint)Math.Max(count - 1, 1)) + 2) / 2;
        uint mask = (1u << half) - 1;
        uint value = (uint)place;
        do
        {
            uint left = value >> half;
            uint right = value & mask;
            for (int round = 0; round < Rounds; round++)
            {
                ulong index = ((ulong)round << 32) | right;
                (left, right) = (right, left ^ ((uint)CounterRandom.Bits(seed, stream, index) & mask));
            }

            value = (left << half) | right;
        }
        while (value >= (uint)count);

        return (int)value;
    }
}
