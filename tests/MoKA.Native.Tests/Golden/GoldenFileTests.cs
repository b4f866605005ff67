using System.Globalization;
using MoKA.Native.Checkpoints;

namespace MoKA.Native.Tests.Golden;

/// <summary>The goldens mean what their README says: the mixture in plain loops gives the stored outputs.</summary>
public sealed class GoldenFileTests
{
    [Theory]
    [InlineData("float")]
    [InlineData("int4")]
    public void ModelsHoldABatchAndResults(string name)
    {
        using SafetensorsFile file = GoldenFile.Open(name);
        Assert.Equal([3L], file.Entry("batch.starts").Dims.ToArray());
        Assert.Equal(ElementType.I32, file.Entry("batch.tokens").Type);
        Assert.Equal(18, file.Entry("result.logits").Dims[0]);
        string[] trained = [.. file.Tensors.Keys.Where(key => key.StartsWith("base_model.", StringComparison.Ordinal))];
        Assert.NotEmpty(trained);
        foreach (string key in trained)
        {
            Assert.Equal(file.Entry(key).Dims.ToArray(), file.Entry($"gradient.{key}").Dims.ToArray());
            Assert.Contains(file.Floats($"gradient.{key}"), x => x != 0);
        }
    }

    [Fact]
    public void KroneckerOutputsFollowTheFormula()
    {
        using SafetensorsFile file = GoldenFile.Open("kronecker");
        int cases = int.Parse(file.Metadata["cases"], CultureInfo.InvariantCulture);
        for (int c = 0; c < cases; c++)
        {
            float[] stored = file.Floats($"case{c}.y");
            double[] y = Mixture(file, $"case{c}.");
            Assert.All(stored.Zip(y), pair => Assert.Equal(pair.Second, pair.First, 1e-5));
        }
    }

    // y[t, p mb + u] = c sum_i alpha_i sum_qv A_i[p, q] B_i[u, v] x[t, q nb + v]
    private static double[] Mixture(SafetensorsFile file, string name)
    {
        float[] x = file.Floats(name + "x"), gates = file.Floats(name + "g");
        int tokens = (int)file.Entry(name + "x").Dims[0], size = (int)file.Entry(name + "x").Dims[1];
        int width = (int)file.Entry(name + "y").Dims[1];
        float scale = file.Floats(name + "scale")[0], temperature = file.Floats(name + "temperature")[0];
        double[] weights = [.. gates.Select(g => Math.Exp(g / (double)temperature))];
        var y = new double[tokens * width];
        for (int i = 0; i < gates.Length; i++)
        {
            float[] a = file.Floats($"{name}A.{i}"), b = file.Floats($"{name}B.{i}");
            int na = (int)file.Entry($"{name}A.{i}").Dims[1], mb = (int)file.Entry($"{name}B.{i}").Dims[0], nb = size / na;
            for (int t = 0; t < tokens; t++)
            {
                for (int row = 0; row < width; row++)
                {
                    for (int column = 0; column < size; column++)
                    {
                        y[t * width + row] += scale * (weights[i] / weights.Sum()) * x[t * size + column]
                            * a[row / mb * na + column / nb] * b[row % mb * nb + column % nb];
                    }
                }
            }
        }
        return y;
    }
}
