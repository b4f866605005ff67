using System.Numerics;

namespace MoKA.Native.Tests.Reference;

internal static partial class Textbook
{
    /// <summary>The mean of -ln softmax(logits[t])[labels[t]] over the labels that are not -100; 0 if there are none.</summary>
    public static Matrix<T> CrossEntropy<T>(Matrix<T> logits, int[] labels) where T : IFloatingPointIeee754<T>
    {
        int[] judged = [.. Enumerable.Range(0, labels.Length).Where(t => labels[t] != -100)];
        if (judged.Length == 0) return new Matrix<T>(1, 1);
        T sum = Sum(judged.Length, i => -T.Log(Softmax(logits.Data[(judged[i] * logits.Columns)..((judged[i] + 1) * logits.Columns)])[labels[judged[i]]]));
        return new Matrix<T>(1, 1, [sum / T.CreateChecked(judged.Length)]);
    }
}
