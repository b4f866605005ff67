using System.Security.Cryptography;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Tests.Diagnostics;

public sealed class StableHashTests
{
    [Fact]
    public void IsShaOfLengthsNamesAndContent()
    {
        byte[] fed = [1, 0, 0, 0, 0, 0, 0, 0, (byte)'w', 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128, 63];
        using var hash = new StableHash();
        hash.Add("w", [1f]);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(fed)), hash.ToHex());
    }

    [Fact]
    public void PiecesEqualTheWhole()
    {
        using var whole = new StableHash();
        using var pieces = new StableHash();
        whole.Add("w", new byte[] { 1, 2, 3 });
        pieces.Begin("w", 3);
        pieces.Append([1, 2]);
        pieces.Append([3]);
        Assert.Equal(whole.ToHex(), pieces.ToHex());
    }

    [Fact]
    public void NamesOrderAndBordersMatter()
    {
        string[] hashes =
        [
            Hash(("a", [1, 2]), ("b", [3])), Hash(("b", [3]), ("a", [1, 2])), Hash(("a", [1]), ("b", [2, 3])),
            Hash(("ab", [1, 2]), ("", [3])), Hash(("a", [1, 2])), Hash(),
        ];
        Assert.Equal(hashes.Length, hashes.Distinct().Count());
    }

    [Fact]
    public void PartsMustBeCompleteAndNoLonger()
    {
        using var hash = new StableHash();
        hash.Begin("w", 2);
        Assert.Throws<InvalidOperationException>(() => hash.ToHex());
        Assert.Throws<InvalidOperationException>(() => hash.Begin("v", 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => hash.Append(new byte[3]));
    }

    private static string Hash(params (string Name, byte[] Content)[] parts)
    {
        using var hash = new StableHash();
        foreach ((string name, byte[] content) in parts)
        {
            hash.Add(name, content);
        }
        return hash.ToHex();
    }
}
