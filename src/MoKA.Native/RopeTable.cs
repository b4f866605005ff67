namespace MoKA.Native;

/// <summary>
/// The angles of rotary position embedding (Su et al., arXiv 2104.09864): position p turns pair i of a head by
/// p θ^(-2i / headDim). Computed in double, kept as float cosines and sines [positions, headDim / 2].
/// </summary>
public sealed class RopeTable
{
    private readonly float[] _cosines;
    private readonly float[] _sines;

    /// <summary>The table for positions 0 .. <paramref name="positions"/> - 1 and heads of an even width.</summary>
    public RopeTable(int headDim, int positions, double theta)
    {
        if (headDim % 2 != 0) throw new ArgumentException($"RopeTable: the head dimension must be even, got {headDim}.");
        (Pairs, Positions) = (headDim / 2, positions);
        _cosines = new float[positions * Pairs];
        _sines = new float[positions * Pairs];
        for (int i = 0; i < Pairs; i++)
        {
            double frequency = Math.Pow(theta, -2.0 * i / headDim);
            for (int p = 0; p < positions; p++)
                (_sines[p * Pairs + i], _cosines[p * Pairs + i]) = ((float)Math.Sin(p * frequency), (float)Math.Cos(p * frequency));
        }
    }

    /// <summary>Half the head dimension.</summary>
    public int Pairs { get; }

    /// <summary>How many positions the table holds.</summary>
    public int Positions { get; }

    /// <summary>cos of the angles at a position [headDim / 2].</summary>
    public ReadOnlySpan<float> Cosines(int position) => _cosines.AsSpan(position * Pairs, Pairs);

    /// <summary>sin of the angles at a position [headDim / 2].</summary>
    public ReadOnlySpan<float> Sines(int position) => _sines.AsSpan(position * Pairs, Pairs);
}
