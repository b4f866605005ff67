namespace MoKA.Native.Llama.Tokenizers;

/// <summary>A binary heap of (rank, position), lowest first, in borrowed memory that is large enough for all pushes.</summary>
internal ref struct MergeQueue(Span<ulong> memory)
{
    private readonly Span<ulong> _heap = memory;
    private int _count;

    public void Push(int rank, int position)
    {
        ulong key = (ulong)(uint)rank << 32 | (uint)position;
        int at = _count++;
        while (at > 0 && _heap[(at - 1) / 2] > key)
        {
            _heap[at] = _heap[(at - 1) / 2];
            at = (at - 1) / 2;
        }
        _heap[at] = key;
    }

    public bool TryPop(out int rank, out int position)
    {
        if (_count == 0)
        {
            (rank, position) = (0, 0);
            return false;
        }
        (rank, position) = ((int)(_heap[0] >> 32), (int)(uint)_heap[0]);
        ulong last = _heap[--_count];
        int at = 0;
        for (int child = 1; child < _count; child = 2 * at + 1)
        {
            if (child + 1 < _count && _heap[child + 1] < _heap[child]) child++;
            if (_heap[child] >= last) break;
            _heap[at] = _heap[child];
            at = child;
        }
        _heap[at] = last;
        return true;
    }
}
