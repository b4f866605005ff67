using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

/// <summary>Adapters that are mixtures of particular shapes.</summary>
public sealed class KroneckerSpecialCaseTests
{
    private const int In = 12, Out = 6, Tokens = 3;

    [Fact]
    public void ColumnTimesRowFiltersAreLora()
    {
        // A_i [out, 1] is a column of LoRA's up, B_i [1, in] a row of its down.
        const int rank = 4;
        MixtureCase mixture = new([.. Enumerable.Repeat(new KroneckerShape(Out, 1, 1, In), rank)], Tokens, Gated: true, 1, Scale: rank);
        Parameter[] inputs = mixture.Inputs();
        inputs[^1].Data.Clear();
        Matrix<double> up = Textbook.Build(Out, rank, (i, r) => (double)inputs[1 + 2 * r].Data[i]), down = Textbook.Build(rank, In, (r, j) => (double)inputs[2 + 2 * r].Data[j]);
        Matrix<double> lora = Textbook.MatMul(Textbook.MatMul(Draw.Exact(inputs[0]), down.Transposed), up.Transposed);
        OpContract.Close("LoRA", lora.Data, mixture.Output(inputs));
    }

    [Fact]
    public void OneFilterIsKronaWhateverItsGate()
    {
        MixtureCase gated = new([new(2, 3, 3, 4)], Tokens, Gated: true, 2, Scale: 2), plain = gated with { Gated = false };
        Parameter[] inputs = gated.Inputs();
        Assert.Equal(plain.Output(inputs[..^1]), gated.Output(inputs));
    }

    [Fact]
    public void TheIdentityTimesBIsBlockDiagonal()
    {
        const int blocks = 3;
        MixtureCase mixture = new([new(blocks, blocks, Out / blocks, In / blocks)], Tokens, Gated: false, 3);
        Parameter[] inputs = mixture.Inputs();
        for (int i = 0; i < blocks * blocks; i++) inputs[1].Data[i] = i % (blocks + 1) == 0 ? 1 : 0;
        Matrix<double> x = Draw.Exact(inputs[0]).Reshaped(Tokens * blocks, In / blocks);
        OpContract.Close("the blocks", Textbook.MatMul(x, Draw.Exact(inputs[2]).Transposed).Data, mixture.Output(inputs));
    }

    [Fact]
    public void TheNumberOneTimesBIsADenseUpdate()
    {
        MixtureCase mixture = new([new(1, 1, Out, In)], Tokens, Gated: false, 4);
        Parameter[] inputs = mixture.Inputs();
        inputs[1].Data[0] = 1;
        OpContract.Close("the dense update", Textbook.MatMul(Draw.Exact(inputs[0]), Draw.Exact(inputs[2]).Transposed).Data, mixture.Output(inputs));
    }

    [Fact]
    public void PlainSumsOfOneShapeAreHypercomplexLayers()
    {
        // PHM: H = Σ S_i ⊗ W_i with square S_i.
        MixtureCase mixture = new([.. Enumerable.Repeat(new KroneckerShape(3, 3, 2, 4), 3)], Tokens, Gated: false, 5);
        Parameter[] inputs = mixture.Inputs();
        Matrix<double> h = Enumerable.Range(0, 3).Select(i => Textbook.Kronecker(Draw.Exact(inputs[1 + 2 * i]), Draw.Exact(inputs[2 + 2 * i]))).Aggregate(Textbook.Add);
        OpContract.Close("PHM", Textbook.MatMul(Draw.Exact(inputs[0]), h.Transposed).Data, mixture.Output(inputs));
    }
}
