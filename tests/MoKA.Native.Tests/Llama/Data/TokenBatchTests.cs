using MoKA.Native.Llama.Data;

namespace MoKA.Native.Tests.Llama.Data;

public class TokenBatchTests
{
    [Fact]
    public void TargetsAreTheNextIdsOfTheResponse()
    {
        TokenBatch batch = new();
        batch.Add([1, 10, 11, 20, 21, 2], promptLength: 3);
        batch.Add([1, 30, 2], promptLength: 0);
        batch.Add([1, 40, 41, 2], promptLength: 1);
        Assert.Equal([1, 10, 11, 20, 21, 1, 30, 1, 40, 41], batch.Tokens.ToArray());
        Assert.Equal([-100, -100, 20, 21, 2, 30, 2, 40, 41, 2], batch.Targets.ToArray());
        Assert.Equal([2, 3, 4, 5, 6, 7, 8, 9], batch.TargetRows.ToArray());
        Assert.Equal([20, 21, 2, 30, 2, 40, 41, 2], batch.TargetIds.ToArray());
        Assert.Equal([0, 5, 7, 10], batch.SequenceStarts.ToArray());
        Assert.Equal((10, 3, 8), (batch.TokenCount, batch.SequenceCount, batch.TargetCount));
    }

    [Fact]
    public void AnEmptyBatchHasNothing()
    {
        TokenBatch batch = new();
        batch.Add([1, 2], 0);
        batch.Clear();
        Assert.Equal([0], batch.SequenceStarts.ToArray());
        Assert.Equal((0, 0, 0), (batch.TokenCount, batch.SequenceCount, batch.TargetCount));
        Assert.True(batch.Tokens.IsEmpty && batch.Targets.IsEmpty);
    }

    [Fact]
    public void OnceGrownItAllocatesNothing()
    {
        TokenBatch batch = new();
        int[] tokens = [.. Enumerable.Range(0, 500)];
        Fill();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Fill();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(40 * 499, batch.TokenCount);
        Assert.Equal(40 * 499, batch.SequenceStarts.Span[40]);

        void Fill()
        {
            batch.Clear();
            for (int i = 0; i < 40; i++)
            {
                batch.Add(tokens, 100);
            }
        }
    }

    [Fact]
    public void ASequenceMustHaveATargetAndAFittingPrompt()
    {
        TokenBatch batch = new();
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Add([1], 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Add([1, 2], 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Add([1, 2], -1));
        batch.Add([1, 2], 2);
        Assert.Equal(0, batch.TargetCount);
    }
}
