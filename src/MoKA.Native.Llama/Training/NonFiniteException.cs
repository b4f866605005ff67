namespace MoKA.Native.Llama.Training;

/// <summary>Training, where the weights are those of the step before, or generation met a number that is infinite or not a number.</summary>
public sealed class NonFiniteException(string message) : Exception(message);
