namespace MoKA.Native.Memory;

/// <summary>Floats that one op needs for itself; their memory goes back to the arena at the end of the scope.</summary>
internal readonly unsafe ref struct Workspace(Arena arena, int count)
{
    private readonly Arena _arena = arena;
    private readonly float* _start = arena.Allocate(count);

    /// <summary>The floats; undefined at first.</summary>
    public Span<float> Data => new(_start, count);

    public void Dispose() => _arena.Return(_start, count);
}
