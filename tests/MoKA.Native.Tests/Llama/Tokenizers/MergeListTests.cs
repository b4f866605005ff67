using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Tokenizers;

public class MergeListTests
{
    private const int Ab = 2, Ba = 3, Aba = 4;
    private static readonly Dictionary<string, int> Ids = new() { ["a"] = 0, ["b"] = 1, ["ab"] = Ab, ["ba"] = Ba, ["aba"] = Aba };

    [Fact]
    public void MergesOfOnePieceThatStandTogetherAreEqualsAndTheLeftmostGoes()
    {
        Assert.Equal([1, 2, 3, 3], Listed("a b", "b a", "a ba", "ab a").Select(merge => merge.Rank));
        Assert.Equal([Aba, Ba], Merged(Listed("a b", "b a", "a ba", "ab a"), Ab, 0, Ba));
    }

    [Fact]
    public void OtherwiseEveryMergeHasTheRankOfItsPlace()
    {
        Assert.Equal([0, 1, 2, 3], Listed("a ba", "a b", "ab a", "b a").Select(merge => merge.Rank));
        Assert.Equal([Ab, Aba], Merged(Listed("a ba", "a b", "ab a", "b a"), Ab, 0, Ba));
    }

    [Theory]
    [InlineData("a")]
    [InlineData(" a")]
    [InlineData("a ")]
    [InlineData("b b")]
    [InlineData("a b a")]
    public void WhatJoinsToNoPieceIsAnError(string merge) => ErrorLine.Of(() => Listed("a b", merge), "merge 1");

    private static List<Merge> Listed(params string[] merges)
    {
        MergeList list = new(Ids);
        foreach (string merge in merges) list.Add(merge);
        return list.Ranked();
    }

    private static int[] Merged(List<Merge> merges, params int[] symbols)
    {
        BpeScratch scratch = default;
        int[] merged = [.. new MergeTable(merges).Apply(symbols, ref scratch)];
        scratch.Dispose();
        return merged;
    }
}
