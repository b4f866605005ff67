namespace MoKA.Native.Llama.Data;

/// <summary>Where a trainer's batches come from. A batch depends on the source's seed and on the step alone.</summary>
public interface IBatchSource
{
    /// <summary>Replaces the batch's content by that of a step, counted from 0.</summary>
    void FillBatch(TokenBatch batch, long step, int batchSize);
}
