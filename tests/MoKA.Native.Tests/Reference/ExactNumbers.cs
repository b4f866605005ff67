namespace MoKA.Native.Tests.Reference;

/// <summary>The numbers of parameters in double, which central differences may move without touching the parameters.</summary>
internal sealed class ExactNumbers
{
    private const double Step = 1e-5;
    private readonly Dictionary<Parameter, Matrix<double>> _numbers = [];

    /// <summary>The numbers of a parameter as a matrix; a vector is one row.</summary>
    public Matrix<double> Of(Parameter parameter)
    {
        if (!_numbers.TryGetValue(parameter, out Matrix<double>? numbers)) _numbers[parameter] = numbers = Draw.Exact(parameter);
        return numbers;
    }

    /// <summary>(loss(p + h) - loss(p - h)) / 2h for the chosen numbers p of a parameter.</summary>
    public double[] CentralDifferences(Parameter parameter, IEnumerable<int> places, Func<double> loss)
    {
        double[] numbers = Of(parameter).Data;
        double Move(int place)
        {
            double at = numbers[place];
            numbers[place] = at + Step;
            double above = loss();
            numbers[place] = at - Step;
            double below = loss();
            numbers[place] = at;
            return (above - below) / (2 * Step);
        }
        return [.. places.Select(Move)];
    }
}
