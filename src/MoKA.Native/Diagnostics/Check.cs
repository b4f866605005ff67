namespace MoKA.Native.Diagnostics;

/// <summary>Argument errors of the ops: op, rule, what was received.</summary>
internal static class Check
{
    public static void Matrix(string op, string argument, Tensor tensor)
    {
        if (tensor.Shape.Rank != 2) throw new ArgumentException($"{op}: {argument} must be a matrix, got {tensor}.");
    }

    public static void Columns(string op, string argument, Tensor tensor, int columns, string rule)
    {
        if (tensor.Shape.Columns != columns) throw new ArgumentException($"{op}: {argument} must have rows of {columns} {rule}, got {tensor}.");
    }

    public static void Shape(string op, string argument, Tensor tensor, Shape shape, string rule)
    {
        if (tensor.Shape != shape) throw new ArgumentException($"{op}: {argument} must be {shape} {rule}, got {tensor}.");
    }
}
