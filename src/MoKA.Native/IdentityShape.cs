using System.Globalization;
using MoKA.Native.Diagnostics;

namespace MoKA.Native;

/// <summary>
/// The shape of a Kronecker filter one of whose factors is the identity: I_k ⊗ M or M ⊗ I_k with M [Rows, Columns], a map
/// from k Columns inputs to k Rows outputs.
/// </summary>
public readonly record struct IdentityShape(int Rows, int Columns, int Repeats, bool IdentityFirst)
{
    /// <summary>The number of inputs.</summary>
    public long In => (long)Repeats * Columns;

    /// <summary>The number of outputs.</summary>
    public long Out => (long)Repeats * Rows;

    /// <summary>Trainable numbers, |M|.</summary>
    public long Parameters => (long)Rows * Columns;

    /// <summary>The largest rank the filter can have: k times that of M.</summary>
    public long MaximalRank => (long)Repeats * Math.Min(Rows, Columns);

    /// <summary>Multiply-adds a token: M once for each of the k parts.</summary>
    public long Cost => Repeats * Parameters;

    /// <summary>
    /// Whether every filter of this shape is one of <paramref name="other"/>'s: on the same side, I_k' ⊗ M' with k' a multiple
    /// of k is I_k ⊗ (I_(k'/k) ⊗ M'), so its filters add nothing to a mixture that has the other's.
    /// </summary>
    public bool IsSpannedBy(IdentityShape other) => IdentityFirst == other.IdentityFirst && Repeats % other.Repeats == 0;

    /// <summary>The shape of the filter's transpose: the identity stays on its side.</summary>
    public IdentityShape Transposed => new(Columns, Rows, Repeats, IdentityFirst);

    /// <summary>Written as users write it: I8:16x32 is I_8 ⊗ M [16, 32], and 16x32:I8 the other order.</summary>
    public override string ToString() => IdentityFirst
        ? string.Create(CultureInfo.InvariantCulture, $"I{Repeats}:{Rows}x{Columns}")
        : string.Create(CultureInfo.InvariantCulture, $"{Rows}x{Columns}:I{Repeats}");

    /// <summary>Reads I8:16x32 or 16x32:I8.</summary>
    public static IdentityShape Parse(string text)
    {
        string[] sides = text.Split(':');
        if (sides.Length == 2)
        {
            bool first = sides[0].StartsWith('I');
            string identity = first ? sides[0] : sides[1];
            string[] matrix = (first ? sides[1] : sides[0]).Split('x');
            if (identity.StartsWith('I') && matrix.Length == 2 && Number(identity[1..], out int repeats) && Number(matrix[0], out int rows) && Number(matrix[1], out int columns))
                return new IdentityShape(rows, columns, repeats, first);
        }
        throw new MokaException($"Filter shape: write I8:16x32 for I ⊗ M or 16x32:I8 for M ⊗ I; got {Quoted.Name(text)}.");
    }

    private static bool Number(string text, out int value) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value > 0;
}
