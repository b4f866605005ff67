using System.Runtime.CompilerServices;

namespace MoKA.Native.Diagnostics;

/// <summary>
/// Random numbers without a state: every number is a pure function of (seed, stream, index), so it does not depend on
/// the order of calls, on threads or on the machine. A stream is one use (a tensor, an epoch, a dropout mask); an index
/// counts within it.
/// </summary>
/// <remarks>
/// For a fixed seed and stream the bits are the SplitMix64 sequence (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", 2014) that starts at a hash of both. Not for secrets.
/// </remarks>
public static class CounterRandom
{
    private const ulong Gamma = 0x9E3779B97F4A7C15;

    // Normal(index) tries indices of its own sequence; this keeps that sequence apart from Bits and Uniform.
    private const ulong NormalDomain = 0xD1B54A32D192ED03;

    /// <summary>64 uniformly distributed bits.</summary>
    /// <param name="seed">The seed of the whole run.</param>
    /// <param name="stream">Which sequence of the run.</param>
    /// <param name="index">Which number of the sequence.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Bits(ulong seed, ulong stream, ulong index) => At(Key(seed, stream), index);

    /// <summary>A float in [0, 1), a multiple of 2⁻²⁴.</summary>
    /// <param name="seed">The seed of the whole run.</param>
    /// <param name="stream">Which sequence of the run.</param>
    /// <param name="index">Which number of the sequence.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Uniform(ulong seed, ulong stream, ulong index) => (Bits(seed, stream, index) >> 40) * (1f / 16777216f);

    /// <summary>
    /// A float of the standard normal distribution, by Marsaglia's polar method in double. It uses correctly rounded
    /// operations only, so its bits are the same on every machine.
    /// </summary>
    /// <param name="seed">The seed of the whole run.</param>
    /// <param name="stream">Which sequence of the run.</param>
    /// <param name="index">Which number of the sequence.</param>
    public static float Normal(ulong seed, ulong stream, ulong index)
    {
        ulong key = At(Key(seed, stream) ^ NormalDomain, index);
        for (ulong attempt = 0; ; attempt++)
        {
            ulong bits = At(key, attempt);
            double u = ((uint)bits + 0.5) * (2.0 / 4294967296.0) - 1.0;
            double v = ((uint)(bits >> 32) + 0.5) * (2.0 / 4294967296.0) - 1.0;
            double s = u * u + v * v;
            if (s < 1.0)
            {
                return (float)(u * Math.Sqrt(-2.0 * Log(s) / s));
            }
        }
    }

    /// <summary>An integer in [0, <paramref name="bound"/>), each with a probability within 2⁻³³ of equal.</summary>
    /// <param name="seed">The seed of the whole run.</param>
    /// <param name="stream">Which sequence of the run.</param>
    /// <param name="index">Which number of the sequence.</param>
    /// <param name="bound">The number of values, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bound"/> is below 1.</exception>
    public static int Below(ulong seed, ulong stream, ulong index, int bound)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bound, 1);
        return (int)Math.BigMul(Bits(seed, stream, index), (ulong)bound, out _);
    }

    private static ulong Key(ulong seed, ulong stream) => Mix(Mix(seed + Gamma) + stream * Gamma);

    private static ulong At(ulong key, ulong index) => Mix(key + (index + 1) * Gamma);

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    // ln x for a positive normal x: x = m 2^e with m in [√½, √2), ln m = 2 atanh((m - 1) / (m + 1)).
    // The series in z² ≤ 0.0295 is cut where its terms fall below 1e-17. Math.Log may differ between machines.
    private static double Log(double x)
    {
        long bits = BitConverter.DoubleToInt64Bits(x);
        int exponent = (int)(bits >> 52) - 1023;
        double m = BitConverter.Int64BitsToDouble((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000);
        if (m > 1.4142135623730951)
        {
            m *= 0.5;
            exponent++;
        }

        double z = (m - 1.0) / (m + 1.0);
        double z2 = z * z;
        // Written out, so that the divisions are the compiler's.
        double series = 1.0 / 21;
        series = series * z2 + 1.0 / 19;
        series = series * z2 + 1.0 / 17;
        series = series * z2 + 1.0 / 15;
        series = series * z2 + 1.0 / 13;
        series = series * z2 + 1.0 / 11;
        series = series * z2 + 1.0 / 9;
        series = series * z2 + 1.0 / 7;
        series = series * z2 + 1.0 / 5;
        series = series * z2 + 1.0 / 3;
        series = series * z2 + 1.0;

        return exponent * 0.6931471805599453 + 2.0 * z * series;
    }
}
