using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MoKA.Native.Bench.Torch;

enum MokaForm { Loop, Stacked, Dense }

/// <summary>
/// y = x·(W + ΔW)ᵀ with ΔW = Σₖ softmax(g)ₖ Aₖ⊗Bₖ, A [32,32], B [out/32, in/32], K = 4.
/// With X = x as [tokens, 32, in/32]:  y = Σₖ softmax(g)ₖ Aₖ·X·Bₖᵀ.
/// </summary>
sealed class Moka : Adapter
{
    const int K = 4, P = 32;
    readonly int _bOut, _bIn;
    readonly MokaForm _form;
    readonly Parameter _gate, _a, _b;

    public Moka(int outDim, int inDim, MokaForm form)
    {
        (_bOut, _bIn, _form) = (outDim / P, inDim / P, form);
        _gate = Trainable(randn(K) * 0.1);
        _a = Trainable(randn(K, P, P) / Math.Sqrt(P));
        _b = Trainable(randn(K, _bOut, _bIn) * 0.01);
    }

    public override IEnumerable<Parameter> Parameters => [_gate, _a, _b];

    public override Tensor Apply(Tensor x, Tensor w) => _form switch
    {
        MokaForm.Loop => Dot(x, w) + Loop(x),
        MokaForm.Stacked => Dot(x, w) + Stacked(x),
        _ => Dot(x, w + Delta().to(w.dtype)),
    };

    /// <summary>The formula as written: two small products a pair.</summary>
    Tensor Loop(Tensor x)
    {
        var n = x.shape[0];
        var x3 = x.view(n, P, _bIn);
        var g = nn.functional.softmax(_gate, 0);
        Tensor? y = null;
        for (var k = 0; k < K; k++)
        {
            var t = matmul(x3, _b[k].t());               // [n, P, bOut]
            var yk = matmul(_a[k] * g[k], t);            // [n, P, bOut]
            y = y is null ? yk : y + yk;
        }
        return y!.reshape(n, P * _bOut);
    }

    /// <summary>All K pairs in two large products, with one transposition between and one after.</summary>
    Tensor Stacked(Tensor x)
    {
        var n = x.shape[0];
        var g = nn.functional.softmax(_gate, 0).view(K, 1, 1);
        var t = mm(x.reshape(n * P, _bIn), _b.reshape(K * _bOut, _bIn).t());         // [n·P, K·bOut]
        t = t.view(n, P, K, _bOut).permute(0, 3, 2, 1).reshape(n * _bOut, K * P);     // [n·bOut, K·P]
        var a = (_a * g).permute(1, 0, 2).reshape(P, K * P);                          // [P, K·P]
        return mm(t, a.t()).view(n, _bOut, P).transpose(1, 2).reshape(n, P * _bOut);
    }

    /// <summary>ΔW written out: one dense [out, in] matrix a step.</summary>
    Tensor Delta()
    {
        var g = nn.functional.softmax(_gate, 0).view(K, 1, 1);
        var a = (_a * g).reshape(K, P * P);
        var d = mm(a.t(), _b.reshape(K, _bOut * _bIn));                               // [P·P, bOut·bIn]
        return d.view(P, P, _bOut, _bIn).permute(0, 2, 1, 3).reshape(P * _bOut, P * _bIn);
    }
}
