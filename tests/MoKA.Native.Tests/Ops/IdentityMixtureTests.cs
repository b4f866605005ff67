using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

/// <summary>Mixtures of I ⊗ M and M ⊗ I against the same products written out.</summary>
[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 20)]
public sealed class IdentityMixtureTests
{
    [Property]
    public void KeepsTheContract(Size k, Size rows, Size columns, Size tokens, bool first, ulong seed) => OpContract.Check(
        (tape, x) => Op.IdentityMixture(tape, x[0], new IdentityFilter[] { new(x[1], k, first) }, gate: null, scale: 1.5f),
        x => Textbook.MatMul(x[0], Dense(x[1], k, first, 1.5).Transposed),
        Draw.Parameter(seed, new Shape(tokens, k * columns)), Draw.Parameter(seed + 1, new Shape(rows, columns)));

    [Property]
    public void AGatedMixtureOnTopOfAMapKeepsTheContract(Size tokens, ulong seed) => OpContract.Check(
        (tape, x) => Op.IdentityMixture(tape, x[0], Filters(x), x[4], scale: 2, temperature: 0.7f, addTo: Op.MatMul(tape, x[0], x[5], transposeB: true)),
        x =>
        {
            double[] alpha = Textbook.Softmax([.. x[4].Data.Select(g => g / 0.7f)]);
            Matrix<double> sum = x[5];
            for (int i = 0; i < 3; i++) sum = Textbook.Add(sum, Dense(x[1 + i], Repeats[i], First[i], 2 * alpha[i]));
            return Textbook.MatMul(x[0], sum.Transposed);
        },
        Draw.Parameter(seed, new Shape(tokens, 12)), Draw.Parameter(seed + 1, new Shape(6, 4)), Draw.Parameter(seed + 2, new Shape(9, 6)), Draw.Parameter(seed + 3, new Shape(6, 4)),
        Draw.Parameter(seed + 4, new Shape(3)), Draw.Parameter(seed + 5, new Shape(18, 12)));

    [Fact]
    public void ManyTokensHaveTheBitsOfOne()
    {
        using Parameter x = Draw.Parameter(1, new Shape(150, 64)), m = Draw.Parameter(2, new Shape(8, 4));
        foreach (bool first in new[] { true, false })
            foreach (Cpu cpu in Cpus.All)
            {
                using Tape tape = new(cpu, gradients: false);
                float[] together = Op.IdentityMixture(tape, x, new IdentityFilter[] { new(m, 16, first) }, gate: null).Data.ToArray();
                for (int t = 0; t < 150; t += 37)
                {
                    using Parameter one = Draw.Parameter(new Shape(1, 64), x.Data.Slice(t * 64, 64));
                    Bits.Equal(together[(t * 128)..((t + 1) * 128)], Op.IdentityMixture(tape, one, new IdentityFilter[] { new(m, 16, first) }, gate: null).Data, $"token {t}");
                }
            }
    }

    [Fact]
    public void SaysWhatIsWrong()
    {
        using Tape tape = new(Cpus.Scalar);
        using Parameter x = new("x", new Shape(2, 6)), m = new("m", new Shape(2, 3)), gate = new("gate", new Shape(2));
        string Refused(IdentityFilter[] filters, Tensor? g = null, float temperature = 1) => Assert.Throws<ArgumentException>(() => Op.IdentityMixture(tape, x, filters, g, 1, temperature)).Message;
        Assert.Contains("at least one", Refused([]));
        Assert.Contains("must map 6 inputs", Refused([new(m, 3, true)]));
        Assert.Contains("must map 6 inputs", Refused([new(m, 0, true)]));
        Assert.Contains("gate must be [1]", Refused([new(m, 2, true)], gate));
        Assert.Contains("temperature", Refused([new(m, 2, true)], temperature: 0));
    }

    private static readonly int[] Repeats = [3, 2, 3];
    private static readonly bool[] First = [true, true, false];

    private static IdentityFilter[] Filters(Parameter[] x) => [.. Enumerable.Range(0, 3).Select(i => new IdentityFilter(x[1 + i], Repeats[i], First[i]))];

    private static Matrix<double> Dense(Matrix<double> m, int k, bool first, double factor)
    {
        Matrix<double> identity = Textbook.Build<double>(k, k, (i, j) => i == j ? 1 : 0);
        return Textbook.Scaled(factor, first ? Textbook.Kronecker(identity, m) : Textbook.Kronecker(m, identity));
    }
}
