using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Data;

namespace MoKA.Native.Bench.Steps;

/// <summary>Sequences of one length whose ids are drawn evenly; every position has a target.</summary>
internal sealed class RandomTokens(int length, int vocabulary) : IBatchSource
{
    private readonly int[] _ids = new int[length + 1];

    public void FillBatch(TokenBatch batch, long step, int batchSize)
    {
        batch.Clear();
        for (int s = 0; s < batchSize; s++)
        {
            for (int i = 0; i < _ids.Length; i++) _ids[i] = (int)(CounterRandom.Bits(1, (ulong)s, (ulong)i) % (ulong)vocabulary);
            batch.Add(_ids, promptLength: 0);
        }
    }
}
