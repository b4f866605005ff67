namespace MoKA.Native;

/// <summary>
/// The angles of rotary position embedding (Su et al., arXiv 2104.09864): position p turns pair i of a head by p f(i), with
/// f(i) = θ^(-2i / headDim) unless a <see cref="RopeScaling"/> slows it down. Computed in double, kept as float cosines and
/// sines, and only as far as any text has reached: a context of 131,072 positions costs nothing until it is used.
/// </summary>
public sealed class RopeTable
{
    private const int FewestRows = 64;
    private readonly double[] _frequencies;
    private readonly Lock _growing = new();
    private float[] _angles = []; // a row for each position: cosines [headDim / 2], then sines

    /// <summary>The table for positions 0 .. <paramref name="positions"/> - 1 and heads of an even width.</summary>
    /// <param name="headDim">The width of a head.</param>
    /// <param name="positions">How long a text may be.</param>
    /// <param name="theta">θ, the base of the frequencies.</param>
    /// <param name="scaling">How frequencies are changed for long contexts; not at all unless given.</param>
    public RopeTable(int headDim, int positions, double theta, RopeScaling? scaling = null)
    {
        if (headDim % 2 != 0) throw new ArgumentException($"RopeTable: the head dimension must be even, got {headDim}.");
        Positions = positions;
        _frequencies = new double[headDim / 2];
        for (int i = 0; i < Pairs; i++)
        {
            double frequency = Math.Pow(theta, -2.0 * i / headDim);
            _frequencies[i] = scaling?.Scale(i, frequency) ?? frequency;
        }
    }

    /// <summary>Half the head dimension.</summary>
    public int Pairs => _frequencies.Length;

    /// <summary>How many positions the table holds.</summary>
    public int Positions { get; }

    /// <summary>cos of the angles at a position that <see cref="Reach"/> has reached [headDim / 2].</summary>
    internal ReadOnlySpan<float> Cosines(int position) => _angles.AsSpan(2 * position * Pairs, Pairs);

    /// <summary>sin of the angles at a position that <see cref="Reach"/> has reached [headDim / 2].</summary>
    internal ReadOnlySpan<float> Sines(int position) => _angles.AsSpan((2 * position + 1) * Pairs, Pairs);

    /// <summary>Computes the angles of the first positions that are not there yet; threads may share a table.</summary>
    internal void Reach(int positions)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(positions, Positions);
        if (positions * 2L * Pairs <= _angles.Length) return;
        lock (_growing)
        {
            int known = _angles.Length / (2 * Pairs);
            if (positions <= known) return;
            int rows = Math.Min(Positions, Math.Max(positions, Math.Max(2 * known, FewestRows)));
            float[] angles = new float[2 * rows * Pairs];
            _angles.CopyTo(angles, 0);
            for (int p = known; p < rows; p++)
                for (int i = 0; i < Pairs; i++)
                    (angles[(2 * p + 1) * Pairs + i], angles[2 * p * Pairs + i]) = ((float)Math.Sin(p * _frequencies[i]), (float)Math.Cos(p * _frequencies[i]));
            _angles = angles; // whole when others see it, and what was there is the same
        }
    }
}
