namespace MoKA.Native.Llama.Training;

/// <summary>Training met a number that is infinite or not a number. The weights are those of the step before.</summary>
public sealed class NonFiniteException(string message) : Exception(message);
