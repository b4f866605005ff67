using System.Runtime.Intrinsics;
using MoKA.Native.Diagnostics;

namespace MoKA.Native;

/// <summary>The vector instructions a kernel may use. All give the same bits; they differ in speed.</summary>
public enum InstructionSet
{
    /// <summary>One number at a time: the specification of every kernel.</summary>
    Scalar,

    /// <summary>256-bit vectors with fused multiply-add.</summary>
    Avx2,

    /// <summary>512-bit vectors.</summary>
    Avx512,
}

/// <summary>Which instruction sets this process can run, and which it runs unless told otherwise.</summary>
public static class InstructionSets
{
    /// <summary>The environment variable that lowers the choice: scalar, avx2 or avx512.</summary>
    public const string Variable = "MOKA_ISA";

    /// <summary>The widest set the runtime accelerates here.</summary>
    public static InstructionSet Widest { get; } =
        Vector512.IsHardwareAccelerated ? InstructionSet.Avx512
        : Vector256.IsHardwareAccelerated ? InstructionSet.Avx2
        : InstructionSet.Scalar;

    /// <summary>The widest set, or what MOKA_ISA asks for; asking for more than there is throws.</summary>
    public static InstructionSet FromEnvironment()
    {
        string? wanted = Environment.GetEnvironmentVariable(Variable);
        return string.IsNullOrWhiteSpace(wanted) ? Widest : Require(Parse(wanted));
    }

    /// <summary>Reads scalar, avx2 or avx512.</summary>
    public static InstructionSet Parse(string name) => name.Trim().ToLowerInvariant() switch
    {
        "scalar" => InstructionSet.Scalar,
        "avx2" => InstructionSet.Avx2,
        "avx512" => InstructionSet.Avx512,
        _ => throw new MokaException($"{Variable}: the instruction set must be scalar, avx2 or avx512, got '{name}'."),
    };

    /// <summary>The set itself when this process can run it.</summary>
    public static InstructionSet Require(InstructionSet wanted) => wanted <= Widest
        ? wanted
        : throw new MokaException($"{Variable}: this processor and runtime offer at most {Widest}, got {wanted}; unset {Variable} or lower it.");
}
