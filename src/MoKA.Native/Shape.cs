using System.Globalization;

namespace MoKA.Native;

/// <summary>
/// The dimensions of a row-major, contiguous tensor, outermost first. One to four of them; zero is a legal length.
/// A value type, so that shapes cost nothing on the heap.
/// </summary>
public readonly record struct Shape
{
    private readonly int _d0, _d1, _d2, _d3;

    /// <summary>A vector [d0].</summary>
    public Shape(int d0) : this(1, d0, 1, 1, 1) { }

    /// <summary>A matrix [d0, d1].</summary>
    public Shape(int d0, int d1) : this(2, d0, d1, 1, 1) { }

    /// <summary>A tensor [d0, d1, d2].</summary>
    public Shape(int d0, int d1, int d2) : this(3, d0, d1, d2, 1) { }

    /// <summary>A tensor [d0, d1, d2, d3].</summary>
    public Shape(int d0, int d1, int d2, int d3) : this(4, d0, d1, d2, d3) { }

    private Shape(int rank, int d0, int d1, int d2, int d3)
    {
        (Rank, _d0, _d1, _d2, _d3) = (rank, d0, d1, d2, d3);
        if (d0 < 0 || d1 < 0 || d2 < 0 || d3 < 0) throw new ArgumentException($"Shape: dimensions must not be negative, got {this}.");
        long count = (long)d0 * d1;
        if (count <= int.MaxValue) count *= d2;
        if (count <= int.MaxValue) count *= d3;
        if (count > int.MaxValue) throw new ArgumentException($"Shape: a tensor holds at most {int.MaxValue} elements, got {this}.");
        Count = (int)count;
    }

    /// <summary>How many dimensions there are, 1 to 4.</summary>
    public int Rank { get; }

    /// <summary>The number of elements.</summary>
    public int Count { get; }

    /// <summary>The length of one dimension, 0 being the outermost.</summary>
    public int this[int dimension] => dimension switch
    {
        0 when Rank > 0 => _d0,
        1 when Rank > 1 => _d1,
        2 when Rank > 2 => _d2,
        3 when Rank > 3 => _d3,
        _ => throw new ArgumentOutOfRangeException(nameof(dimension), $"Shape: {this} has dimensions 0 to {Rank - 1}, got {dimension}."),
    };

    /// <summary>The innermost dimension: the length of a row when the tensor is read as a matrix.</summary>
    public int Columns => Rank switch { 1 => _d0, 2 => _d1, 3 => _d2, _ => _d3 };

    /// <summary>The product of all dimensions but the innermost; 1 for a vector.</summary>
    public int Rows => Rank switch { 1 => 1, 2 => _d0, 3 => _d0 * _d1, _ => _d0 * _d1 * _d2 };

    /// <summary>The same rows with another innermost dimension: [.., columns].</summary>
    public Shape WithColumns(int columns) => Rank switch
    {
        1 => new Shape(columns),
        2 => new Shape(_d0, columns),
        3 => new Shape(_d0, _d1, columns),
        _ => new Shape(_d0, _d1, _d2, columns),
    };

    /// <summary>The shape as it is written in every error and document: [8, 4096].</summary>
    public override string ToString() => Rank switch
    {
        1 => string.Create(CultureInfo.InvariantCulture, $"[{_d0}]"),
        2 => string.Create(CultureInfo.InvariantCulture, $"[{_d0}, {_d1}]"),
        3 => string.Create(CultureInfo.InvariantCulture, $"[{_d0}, {_d1}, {_d2}]"),
        _ => string.Create(CultureInfo.InvariantCulture, $"[{_d0}, {_d1}, {_d2}, {_d3}]"),
    };
}
