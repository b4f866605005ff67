using MoKA.Native.Ops;

namespace MoKA.Native.Tests.Adapters;

/// <summary>
/// An adapted map under a cross-entropy in plain loops and double: loss(W x + Δ (m ⊙ x)), Δ dense and m the dropout
/// mask of the pass. Its numbers are set and changed by name.
/// </summary>
internal sealed class AdaptedReference(float[] weight, float dropout, ulong seed, int[] labels)
{
    private readonly Dictionary<string, double[]> _numbers = [];

    public void Set(string name, Parameter parameter) => _numbers[name] = Norms.Exact(parameter.Data);

    public double[] Get(string name) => _numbers[name];

    /// <summary>The mean cross-entropy for a dense update [out, in].</summary>
    public double Loss(double[] delta)
    {
        double[] x = _numbers["x"];
        int inputs = x.Length / labels.Length, outputs = weight.Length / inputs;
        double loss = 0;
        double[] y = new double[outputs];
        for (int t = 0; t < labels.Length; t++)
        {
            Array.Clear(y);
            for (int j = 0; j < inputs; j++)
            {
                int index = t * inputs + j;
                double mask = dropout == 0 ? 1 : Op.Mask(seed, stream: 0, index, dropout);
                for (int i = 0; i < outputs; i++) y[i] += (weight[i * inputs + j] + mask * delta[i * inputs + j]) * x[index];
            }
            loss += Math.Log(y.Sum(Math.Exp)) - y[labels[t]];
        }
        return loss / labels.Length;
    }

    /// <summary>(loss(p + h) - loss(p - h)) / 2h for every number of one name.</summary>
    public double[] CentralDifferences(string name, Func<double> loss)
    {
        const double Step = 1e-5;
        double[] numbers = _numbers[name], differences = new double[numbers.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            double at = numbers[i];
            numbers[i] = at + Step;
            double above = loss();
            numbers[i] = at - Step;
            differences[i] = (above - loss()) / (2 * Step);
            numbers[i] = at;
        }
        return differences;
    }
}
