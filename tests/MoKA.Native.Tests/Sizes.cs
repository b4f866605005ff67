using FsCheck;
using FsCheck.Fluent;

namespace MoKA.Native.Tests;

/// <summary>A small length with the awkward ones drawn often: 1, odd, prime, around the width of a register.</summary>
public readonly record struct Size(int Value)
{
    /// <summary>The length itself.</summary>
    public static implicit operator int(Size size) => size.Value;

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>What FsCheck draws for the properties of the ops.</summary>
public static class Sizes
{
    /// <summary>1 to 19, shrinking towards 1.</summary>
    public static Arbitrary<Size> Size() => Arb.From(
        Gen.Elements(1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 16, 17, 19).Select(n => new Size(n)),
        size => Enumerable.Range(1, size.Value - 1).Select(n => new Size(n)));
}
