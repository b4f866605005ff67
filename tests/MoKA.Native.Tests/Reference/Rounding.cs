using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Reference;

/// <summary>What storing a weight makes of it, by the definitions: IEEE's and bfloat16's nearest numbers, ggml's blocks of 32.</summary>
internal static class Rounding
{
    private const int Block = 32;

    /// <summary>The weights as they come back; a row is a whole number of blocks.</summary>
    public static float[] Of(WeightStorage storage, float[] weights) => storage switch
    {
        WeightStorage.F32 => weights,
        WeightStorage.F16 => [.. weights.Select(Half)],
        WeightStorage.BF16 => [.. weights.Select(w => Nearest(w, 7, -126))],
        WeightStorage.Q8_0 => [.. weights.Chunk(Block).SelectMany(Eight)],
        WeightStorage.Q4_0 => [.. weights.Chunk(Block).SelectMany(Four)],
        _ => throw new ArgumentException($"No definition of {storage} here."),
    };

    /// <summary>q d with d the largest magnitude by 127, and q the nearest whole number of steps, a half away from zero.</summary>
    private static IEnumerable<float> Eight(float[] block)
    {
        float d = block.Max(MathF.Abs) / 127, perStep = d == 0 ? 0 : 1 / d;
        return block.Select(x =>
        {
            double steps = x * perStep, whole = Math.Floor(Math.Abs(steps) + 0.5);
            return (float)(Math.Sign(steps) * whole * Half(d));
        });
    }

    /// <summary>(q - 8) d with d the number of largest magnitude by -8, and q = ⌊x / d + 8.5⌋ but at most 15.</summary>
    private static IEnumerable<float> Four(float[] block)
    {
        float d = block.MaxBy(MathF.Abs) / -8, perStep = d == 0 ? 0 : 1 / d;
        return block.Select(x =>
        {
            float shifted = x * perStep + 8.5f;
            return (float)((Math.Min(15, Math.Floor(shifted)) - 8) * Half(d));
        });
    }

    private static float Half(float x) => Nearest(x, 10, -14);

    /// <summary>The nearest number with so many binary places behind the first digit, an even one of two as near.</summary>
    private static float Nearest(double x, int places, int leastExponent)
    {
        if (x == 0) return (float)x;
        double step = Math.ScaleB(1, Math.Max(Math.ILogB(x), leastExponent) - places);
        return (float)(Math.Round(x / step, MidpointRounding.ToEven) * step);
    }
}
