using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Generation;

/// <summary>Chooses a token from logits: greedy, or a draw after temperature, top-k and top-p (Holtzman et al., arXiv 1904.09751).</summary>
public sealed class Sampler
{
    private readonly GenerationOptions _options;
    private int[] _order = [];
    private float[] _logits = [];
    private double[] _probabilities = [];

    /// <summary>A sampler with checked options.</summary>
    public Sampler(GenerationOptions options)
    {
        options.Validate();
        _options = options;
    }

    /// <summary>The token that follows, for the draw of the given number; equal logits go to the lower id.</summary>
    /// <param name="logits">[vocabulary].</param>
    /// <param name="draw">Which draw of the text this is: its random number depends on the seed and on this alone.</param>
    public int Next(ReadOnlySpan<float> logits, int draw)
    {
        if (_options.Temperature == 0) return Greedy(logits);
        int candidates = Rank(logits);
        double max = logits[_order[0]], sum = 0;
        for (int i = 0; i < candidates; i++) sum += _probabilities[i] = Math.Exp((logits[_order[i]] - max) / _options.Temperature);
        if (_options.TopP < 1)
        {
            double kept = 0, wanted = _options.TopP * sum;
            int count = 0;
            while (count < candidates && kept < wanted) kept += _probabilities[count++];
            (candidates, sum) = (count, kept);
        }
        double target = CounterRandom.Uniform(_options.Seed, stream: 0, (ulong)draw) * sum;
        for (int i = 0; i < candidates; i++)
        {
            target -= _probabilities[i];
            if (target < 0) return _order[i];
        }
        return _order[candidates - 1];
    }

    private static int Greedy(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
            if (logits[i] > logits[best]) best = i;
        return best;
    }

    /// <summary>Orders the ids by falling logit and returns how many may be drawn.</summary>
    private int Rank(ReadOnlySpan<float> logits)
    {
        if (_order.Length != logits.Length) (_order, _logits, _probabilities) = (new int[logits.Length], new float[logits.Length], new double[logits.Length]);
        for (int i = 0; i < logits.Length; i++) (_logits[i], _order[i]) = (logits[i], i);
        // The sort keeps no order of its own among equals.
        _order.AsSpan().Sort(new FallingLogits(_logits));
        return _options.TopK == 0 ? logits.Length : Math.Min(_options.TopK, logits.Length);
    }

    private readonly struct FallingLogits(float[] logits) : IComparer<int>
    {
        public int Compare(int x, int y) => logits[x] != logits[y] ? logits[y].CompareTo(logits[x]) : x.CompareTo(y);
    }
}
