using System.Text;
using FsCheck;
using FsCheck.Xunit;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Generation;

namespace MoKA.Native.Tests.Llama.Generation;

/// <summary>Stop strings in pieces are those of the whole text.</summary>
public sealed class StopFinderTests
{
    [Property(MaxTest = 5000)]
    public void PiecesGiveWhatTheWholeTextGives(DoNotSize<ulong> any)
    {
        ulong seed = any.Item;
        string text = Letters(seed, 0, CounterRandom.Below(seed, 1, 0, 40));
        string[] stops = [.. Enumerable.Range(0, CounterRandom.Below(seed, 1, 1, 4)).Select(i => Letters(seed, 10 + (ulong)i, 1 + CounterRandom.Below(seed, 1, 2 + (ulong)i, 5)))];
        // The stop string that is complete first, of those that end together the longest.
        (int End, int Start)[] hits = [.. stops.Select(stop => (stop, at: text.IndexOf(stop, StringComparison.Ordinal))).Where(hit => hit.at >= 0).Select(hit => (hit.at + hit.stop.Length, hit.at)).Order()];
        string expected = hits.Length == 0 ? text : text[..hits[0].Start];

        StopFinder finder = new(stops);
        StringBuilder shown = new();
        int taken = 0;
        for (ulong i = 0; taken < text.Length; i++)
        {
            int length = Math.Min(CounterRandom.Below(seed, 2, i, 6), text.Length - taken);
            shown.Append(finder.Append(text.Substring(taken, length)));
            taken += length;
            // Never more than will stay, and nothing waits that cannot begin a stop string.
            Assert.StartsWith(shown.ToString(), expected, StringComparison.Ordinal);
            if (!finder.Found) Assert.True(taken - shown.Length == 0 || stops.Any(stop => stop.Length > taken - shown.Length && stop.StartsWith(text[shown.Length..taken], StringComparison.Ordinal)));
        }
        Assert.Equal(hits.Length > 0, finder.Found);
        shown.Append(finder.Flush());
        Assert.Equal(expected, shown.ToString());
        if (finder.Found) Assert.Equal("", finder.Append("more"));
    }

    [Fact]
    public void ABeginningWaitsAndComesOut()
    {
        StopFinder finder = new(["###", "\n\nUser"]);
        Assert.Equal(["Hi", "", "## a", "", ""], ((string[])["Hi", "##", " a", "\n", "\nU"]).Select(finder.Append));
        Assert.Equal("", finder.Append("se"));
        Assert.Equal("\n\nUse it", finder.Append(" it"));
        Assert.False(finder.Found);
        Assert.Equal("", finder.Append("\n"));
        Assert.Equal("\n", finder.Flush());
    }

    private static string Letters(ulong seed, ulong stream, int count) =>
        string.Concat(Enumerable.Range(0, count).Select(i => (char)('a' + CounterRandom.Below(seed, stream + 20, (ulong)i, 2))));
}
