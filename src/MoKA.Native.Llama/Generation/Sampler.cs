using System.Numerics.Tensors;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Llama.Generation;

/// <summary>
/// Chooses a token from logits: greedy, or a draw. In this order: repetition penalty (CTRL, arXiv 1909.05858), temperature,
/// top-k, top-p (Holtzman et al., arXiv 1904.09751), min-p (arXiv 2407.01082).
/// </summary>
/// <remarks>
/// The result is that of sorting all ids and adding their weights up in that order, which is done only where it could differ:
/// a total added up in another order is within a tiny share of the exact one, and a choice that hangs on less is made again
/// from the sorted whole. Keeps its buffers, so one sampler belongs to one thread.
/// </remarks>
public sealed class Sampler
{
    /// <summary>More than what rounding can do to the sum of 2^24 weights, as a share of the sum.</summary>
    private const double Doubt = 1e-8;

    private const int Chunk = 512;

    private readonly GenerationOptions _options;
    private readonly Ranking _ranking;
    private float[] _penalised = [];

    /// <summary>A sampler with checked options.</summary>
    public Sampler(GenerationOptions options)
    {
        options.Validate();
        (_options, _ranking) = (options, new Ranking(options.Temperature));
    }

    /// <summary>The token that follows, for the draw of the given number; equal logits go to the lower id.</summary>
    /// <param name="logits">[vocabulary].</param>
    /// <param name="draw">Which draw of the text this is: its random number depends on the seed and on this alone.</param>
    public int Next(ReadOnlySpan<float> logits, int draw) => Next(logits, draw, []);

    /// <summary>The same after a text, which a repetition penalty looks at.</summary>
    /// <param name="logits">[vocabulary].</param>
    /// <param name="draw">Which draw of the text this is.</param>
    /// <param name="text">The ids so far, the prompt's included.</param>
    /// <exception cref="NonFiniteException">A logit is infinite or not a number.</exception>
    public int Next(ReadOnlySpan<float> logits, int draw, ReadOnlySpan<int> text)
    {
        if (!TensorPrimitives.IsFiniteAll(logits)) throw new NonFiniteException("Sampler: a logit is infinite or not a number; the model's or the adapter's weights are damaged or too large.");
        if (_options.RepetitionPenalty != 1) logits = Penalised(logits, text);
        if (_options.Temperature == 0) return Greedy(logits);
        float largest = TensorPrimitives.Max(logits);
        double uniform = CounterRandom.Uniform(_options.Seed, stream: 0, (ulong)draw);
        if (_options.TopK > 0) _ranking.BeginWithFirst(logits, largest, _options.TopK);
        else
        {
            _ranking.Begin(largest);
            double total = NeedsTotal ? Total(logits, largest) : 0;
            if (Choose(logits, uniform, total, Doubt * total) is int id) return id;
        }
        return Choose(logits, uniform, SortedTotal(logits), doubt: 0)!.Value;
    }

    private bool NeedsTotal => _options.TopP < 1 || _options.MinP == 0;

    private static int Greedy(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
            if (logits[i] > logits[best]) best = i;
        return best;
    }

    /// <summary>Each id of the window counts once, however often it is there: what is written derives from the logit as it came.</summary>
    private ReadOnlySpan<float> Penalised(ReadOnlySpan<float> logits, ReadOnlySpan<int> text)
    {
        if (_penalised.Length < logits.Length) _penalised = new float[logits.Length];
        Span<float> penalised = _penalised.AsSpan(0, logits.Length);
        logits.CopyTo(penalised);
        int window = _options.RepetitionWindow == 0 ? text.Length : Math.Min(_options.RepetitionWindow, text.Length);
        foreach (int id in text[^window..])
            penalised[id] = logits[id] > 0 ? logits[id] / _options.RepetitionPenalty : logits[id] * _options.RepetitionPenalty;
        return penalised;
    }

    /// <summary>Draws among the first ids that top-p and min-p leave; null when the total's doubt decides.</summary>
    private int? Choose(ReadOnlySpan<float> logits, double uniform, double total, double doubt)
    {
        int last = int.MaxValue;
        double sum = total;
        if (_options.TopP < 1 || _options.MinP > 0)
        {
            double wanted = _options.TopP < 1 ? _options.TopP * total : double.PositiveInfinity;
            (last, sum) = (-1, 0);
            while (_ranking.TryWeight(logits, last + 1, out double weight) && weight >= _options.MinP)
            {
                if (doubt > 0 && Math.Abs(sum - wanted) <= doubt) return null;
                if (sum >= wanted) break;
                sum += weight;
                last++;
            }
            // From here on nothing depends on the total.
            doubt = 0;
        }
        double target = uniform * sum;
        int rank = 0;
        for (; rank <= last && _ranking.TryWeight(logits, rank, out double weight); rank++)
        {
            target -= weight;
            if (doubt > 0 && Math.Abs(target) <= doubt) return null;
            if (target < 0) return _ranking.Id(rank);
        }
        return doubt > 0 ? null : _ranking.Id(rank - 1);
    }

    /// <summary>The sum of all weights, in an order of its own.</summary>
    private double Total(ReadOnlySpan<float> logits, double largest)
    {
        Span<double> weights = stackalloc double[Chunk];
        double total = 0;
        for (int first = 0; first < logits.Length; first += Chunk)
        {
            Span<double> some = weights[..Math.Min(Chunk, logits.Length - first)];
            TensorPrimitives.ConvertTruncating<float, double>(logits.Slice(first, some.Length), some);
            TensorPrimitives.Subtract<double>(some, largest, some);
            TensorPrimitives.Divide<double>(some, _options.Temperature, some);
            TensorPrimitives.Exp<double>(some, some);
            total += TensorPrimitives.Sum<double>(some);
        }
        return total;
    }

    private double SortedTotal(ReadOnlySpan<float> logits)
    {
        double total = 0;
        for (int rank = 0; _ranking.TryWeight(logits, rank, out double weight); rank++) total += weight;
        return total;
    }
}
