using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// e^x by Cody-Waite reduction and a polynomial, the same bits at every width; within 1.02 units in the last place of
/// the true value from -87.33654 to 88.72283 (measured at every float; a test walks through them). Below, 0, so that no
/// result is denormal; above, infinity; not a number stays so.
/// </summary>
internal static class Exp
{
    private const float LowestArgument = -87.33654f;
    private const float HighestArgument = 88.72283f;

    // Adding and taking away 1.5 * 2^23 rounds to the nearest whole number, ties to even.
    private const float RoundToWhole = 12582912f;

    // ln 2 in two parts; the first has few enough bits that n times it is exact.
    private const float Ln2High = 0.693359375f;
    private const float Ln2Low = -2.12194440e-4f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Of<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
    {
        TLanes lowest = TLanes.Broadcast(LowestArgument);
        // Above the highest argument anything may come out, for infinity takes its place; below the lowest it would be denormal, and slow.
        TLanes clamped = TLanes.Max(lowest, x);
        TLanes whole = TLanes.Fma(clamped, TLanes.Broadcast(1.44269504f), TLanes.Broadcast(RoundToWhole)) - TLanes.Broadcast(RoundToWhole);
        TLanes r = TLanes.Fma(whole, TLanes.Broadcast(-Ln2High), clamped);
        r = TLanes.Fma(whole, TLanes.Broadcast(-Ln2Low), r);
        // (e^r - 1 - r) / r² on [-ln 2 / 2, ln 2 / 2], coefficients of Cephes' expf (Moshier).
        TLanes p = TLanes.Broadcast(1.9875691500e-4f);
        p = TLanes.Fma(p, r, TLanes.Broadcast(1.3981999507e-3f));
        p = TLanes.Fma(p, r, TLanes.Broadcast(8.3334519073e-3f));
        p = TLanes.Fma(p, r, TLanes.Broadcast(4.1665795894e-2f));
        p = TLanes.Fma(p, r, TLanes.Broadcast(1.6666665459e-1f));
        p = TLanes.Fma(p, r, TLanes.Broadcast(5.0000001201e-1f));
        p = TLanes.Fma(p, r * r, r) + TLanes.Broadcast(1);
        return TLanes.InfinityAbove(x, TLanes.Broadcast(HighestArgument), TLanes.ZeroBelow(x, lowest, TLanes.Scale(p, whole)));
    }
}
