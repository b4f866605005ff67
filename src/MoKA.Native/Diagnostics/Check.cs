namespace MoKA.Native.Diagnostics;

/// <summary>Argument errors of the ops: op, rule, what was received. Text is put together only when it is thrown.</summary>
internal static class Check
{
    public static void Matrix(string op, string argument, Tensor tensor)
    {
        if (tensor.Shape.Rank != 2) throw new ArgumentException($"{op}: {argument} must be a matrix, got {tensor}.");
    }

    /// <summary>The rows of <paramref name="tensor"/> must fit <paramref name="other"/>, which has the given shape.</summary>
    public static void Columns(string op, string argument, Tensor tensor, int columns, string other, Shape otherShape)
    {
        if (tensor.Shape.Columns != columns) throw new ArgumentException($"{op}: {argument} must have rows of {columns} to match {other} {otherShape}, got {tensor}.");
    }

    /// <summary><paramref name="tensor"/> must have the shape that <paramref name="other"/> asks for.</summary>
    public static void Shape(string op, string argument, Tensor tensor, Shape shape, string other, Shape otherShape)
    {
        if (tensor.Shape != shape) throw new ArgumentException($"{op}: {argument} must be {shape} to match {other} {otherShape}, got {tensor}.");
    }
}
