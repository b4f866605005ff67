using System.Runtime.CompilerServices;
using MoKA.Native.Kernels;
using MoKA.Native.Memory;

namespace MoKA.Native.Optim;

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101), as PyTorch orders it:
/// θ ← θ (1 - η λ); m ← β₁ m + (1 - β₁) g; v ← β₂ v + (1 - β₂) g²; θ ← θ - η m̂ / (√v̂ + ε),
/// m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ).
/// </summary>
public sealed class AdamW : IDisposable
{
    private const int ElementsPerTask = 1 << 16;
    private readonly Parameter[] _parameters;
    private readonly AlignedBuffer[] _moments;

    /// <summary>An optimiser over the trainable ones of the given parameters.</summary>
    public AdamW(IEnumerable<Parameter> parameters, AdamWOptions? options = null)
    {
        Options = options ?? new AdamWOptions();
        _parameters = [.. parameters.Where(p => p.Trainable)];
        _moments = [.. _parameters.Select(p => new AlignedBuffer(2L * p.Shape.Count * sizeof(float)))];
    }

    /// <summary>The decay rates and the weight decay.</summary>
    public AdamWOptions Options { get; }

    /// <summary>How many steps have been taken.</summary>
    public long Steps { get; private set; }

    /// <summary>Bytes of the two moments.</summary>
    public long StateBytes => _moments.Sum(m => m.ByteLength);

    /// <summary>Moves every parameter by its gradient, at the rate times its own factor, and sets the gradients to zero.</summary>
    public void Step(Cpu cpu, float learningRate)
    {
        Steps++;
        float firstCorrection = (float)(1 / (1 - Math.Pow(Options.Beta1, Steps)));
        float secondCorrection = (float)(1 / Math.Sqrt(1 - Math.Pow(Options.Beta2, Steps)));
        for (int i = 0; i < _parameters.Length; i++)
        {
            Parameter parameter = _parameters[i];
            int count = parameter.Shape.Count;
            Span<float> moments = _moments[i].Span<float>(2 * count);
            float rate = learningRate * parameter.RateFactor;
            // PyTorch leaves vectors alone only when told to; here gates and norms follow the option.
            float decay = parameter.Shape.Rank > 1 || Options.DecayVectors ? Options.WeightDecay : 0;
            Update update = new(
                parameter.Data, parameter.Gradient, moments[..count], moments[count..],
                1 - rate * decay, Options.Beta1, Options.Beta2, rate * firstCorrection, secondCorrection, Options.Epsilon);
            UpdateJob job = new(update, count);
            cpu.Run(Ceiling.OfRatio(count, ElementsPerTask), ref job);
            parameter.ClearGradient();
        }
    }

    /// <summary>Frees the moments.</summary>
    public void Dispose()
    {
        foreach (AlignedBuffer buffer in _moments) buffer.Dispose();
    }

    private readonly ref struct UpdateJob(Update update, int count) : IJob
    {
        private readonly Update _update = update;

        public void Run(int item, Worker worker)
        {
            Update update = _update;
            int first = item * ElementsPerTask;
            Elementwise.Run(worker.InstructionSet, first, Math.Min(first + ElementsPerTask, count), ref update);
        }
    }

    private readonly ref struct Update(
        Span<float> theta, Span<float> gradient, Span<float> m, Span<float> v,
        float keep, float beta1, float beta2, float stepSize, float secondCorrection, float epsilon) : IElementwise
    {
        private readonly ref float _theta = ref Elementwise.Start(theta, theta.Length);
        private readonly ref float _gradient = ref Elementwise.Start(gradient, theta.Length);
        private readonly ref float _m = ref Elementwise.Start(m, theta.Length);
        private readonly ref float _v = ref Elementwise.Start(v, theta.Length);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes>(int i) where TLanes : struct, ILanes<TLanes>
        {
            TLanes g = TLanes.Load(ref _gradient, i);
            TLanes m = TLanes.Load(ref _m, i) * TLanes.Broadcast(beta1) + g * TLanes.Broadcast(1 - beta1);
            TLanes v = TLanes.Load(ref _v, i) * TLanes.Broadcast(beta2) + g * g * TLanes.Broadcast(1 - beta2);
            m.Store(ref _m, i);
            v.Store(ref _v, i);
            TLanes divisor = TLanes.Sqrt(v) * TLanes.Broadcast(secondCorrection) + TLanes.Broadcast(epsilon);
            (TLanes.Load(ref _theta, i) * TLanes.Broadcast(keep) - TLanes.Broadcast(stepSize) * m / divisor).Store(ref _theta, i);
        }
    }
}
