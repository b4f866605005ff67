using MoKA.Native.Memory;

namespace MoKA.Native.Tests.Memory;

public sealed unsafe class ArenaTests
{
    [Fact]
    public void SlicesAreAlignedAndApart()
    {
        using Arena arena = new();
        float* a = arena.Allocate(1), b = arena.Allocate(17), none = arena.Allocate(0), c = arena.Allocate(3);
        Assert.All((long[])[(long)a, (long)b, (long)c], start => Assert.Equal(0, start % 64));
        Assert.Equal((64, 128), ((int)((byte*)b - (byte*)a), (int)((byte*)c - (byte*)b)));
        Assert.True(none == c);
        Assert.Equal(256, arena.PeakBytes);
    }

    [Fact]
    public void GrowingKeepsWhatWasHandedOut()
    {
        using Arena arena = new();
        float*[] slices = new float*[40];
        for (int i = 0; i < slices.Length; i++)
        {
            slices[i] = arena.Allocate(100_000);
            new Span<float>(slices[i], 100_000).Fill(i);
        }
        for (int i = 0; i < slices.Length; i++) Assert.Equal(-1, new Span<float>(slices[i], 100_000).IndexOfAnyExcept(i));
        Assert.Equal(40 * 400_000, arena.PeakBytes);
    }

    [Fact]
    public void AReturnedSliceServesTheNextThatFitsAndHalfFillsIt()
    {
        using Arena arena = new();
        float* large = arena.Allocate(1000), small = arena.Allocate(600);
        arena.Return(large, 1000);
        arena.Return(small, 600);
        Assert.True(arena.Allocate(300) == small);
        Assert.True(arena.Allocate(300) != large);
        Assert.True(arena.Allocate(1000) == large);
        Assert.True(arena.Allocate(1000) != large);
        arena.Return(large, 1000);
        arena.Reset();
        Assert.True(arena.Allocate(1000) == large && arena.Allocate(1000) != large);
    }

    [Fact]
    public void AGrownArenaBecomesOneBlockThatIsReused()
    {
        using Arena arena = new();
        float* Pass()
        {
            arena.Reset();
            float* first = arena.Allocate(300_000);
            arena.Allocate(900_000);
            return first;
        }
        Pass();
        float* second = Pass(), third = Pass();
        Assert.True(second == third);
        Assert.Equal(4_800_000, arena.PeakBytes);
    }
}
