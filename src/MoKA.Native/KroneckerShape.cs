using System.Globalization;
using MoKA.Native.Diagnostics;

namespace MoKA.Native;

/// <summary>
/// The shape of one Kronecker filter A ⊗ B with A [RowsA, ColumnsA] and B [RowsB, ColumnsB]: a map from
/// ColumnsA * ColumnsB inputs to RowsA * RowsB outputs.
/// </summary>
public readonly record struct KroneckerShape(int RowsA, int ColumnsA, int RowsB, int ColumnsB)
{
    /// <summary>The number of inputs, ColumnsA * ColumnsB.</summary>
    public int In => ColumnsA * ColumnsB;

    /// <summary>The number of outputs, RowsA * RowsB.</summary>
    public int Out => RowsA * RowsB;

    /// <summary>Trainable numbers, |A| + |B|.</summary>
    public long Parameters => (long)RowsA * ColumnsA + (long)RowsB * ColumnsB;

    /// <summary>The largest rank A ⊗ B can have: rank A times rank B.</summary>
    public long MaximalRank => (long)Math.Min(RowsA, ColumnsA) * Math.Min(RowsB, ColumnsB);

    /// <summary>Multiply-adds a token when A is applied first: RowsA ColumnsB (ColumnsA + RowsB).</summary>
    public long CostAFirst => (long)RowsA * ColumnsB * (ColumnsA + RowsB);

    /// <summary>Multiply-adds a token when B is applied first: ColumnsA RowsB (ColumnsB + RowsA).</summary>
    public long CostBFirst => (long)ColumnsA * RowsB * (ColumnsB + RowsA);

    /// <summary>Whether applying A first is the cheaper order.</summary>
    public bool AFirst => CostAFirst < CostBFirst;

    /// <summary>Multiply-adds a token in the cheaper order.</summary>
    public long Cost => Math.Min(CostAFirst, CostBFirst);

    /// <summary>The shape of (A ⊗ B)ᵀ = Aᵀ ⊗ Bᵀ.</summary>
    public KroneckerShape Transposed => new(ColumnsA, RowsA, ColumnsB, RowsB);

    /// <summary>Written as users write it: 16x8:16x32 is A [16, 8] and B [16, 32].</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{RowsA}x{ColumnsA}:{RowsB}x{ColumnsB}");

    /// <summary>Reads 16x8:16x32.</summary>
    public static KroneckerShape Parse(string text)
    {
        string[] sides = text.Split(':');
        string[] numbers = sides.Length == 2 ? [.. sides[0].Split('x'), .. sides[1].Split('x')] : [];
        Span<int> values = stackalloc int[4];
        bool valid = numbers.Length == 4;
        for (int i = 0; i < 4 && valid; i++) valid = int.TryParse(numbers[i], NumberStyles.None, CultureInfo.InvariantCulture, out values[i]) && values[i] > 0;
        return valid
            ? new KroneckerShape(values[0], values[1], values[2], values[3])
            : throw new MokaException($"Filter shape: write rowsA x columnsA : rowsB x columnsB without spaces, as in 16x8:16x32; got '{text}'.");
    }
}
