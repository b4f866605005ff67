namespace MoKA.Native.Tests;

/// <summary>Equality of floats as bits: a zero has a sign here and a NaN equals itself.</summary>
internal static class Bits
{
    public static void Equal(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string where)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            if (Of(expected[i]) != Of(actual[i])) Assert.Fail($"{where}: element {i} is {actual[i]:R} ({Of(actual[i]):X8}), expected {expected[i]:R} ({Of(expected[i]):X8})");
    }

    private static uint Of(float x) => BitConverter.SingleToUInt32Bits(x);
}
