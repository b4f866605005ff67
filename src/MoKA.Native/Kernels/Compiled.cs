using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>How the loops of kernels are compiled.</summary>
internal static class Compiled
{
    /// <summary>
    /// Fully, before the first call, and apart from the callers. Compiled in stages, a loop runs its first calls many times slower,
    /// and is then laid out by how often those took each branch, which says nothing of the calls that follow: sums that belong in
    /// registers can end in memory, at a third of the speed. Inside a caller the compiler runs out of registers.
    /// </summary>
    public const MethodImplOptions AtOnce = MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization;
}
