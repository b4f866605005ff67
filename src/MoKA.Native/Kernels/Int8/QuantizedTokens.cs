using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// Rows of activations in 8 bits: blocks of 32 with a float scale, a = q d, d = max |a| / 127, q rounded half to even. Beside
/// each block stands its bias, for weights whose codes are 8 too large: -8 times the sum of its q, apart for the first and
/// the last two of every four, as the tiles add them up.
/// </summary>
internal readonly ref struct QuantizedTokens
{
    public const int Block = 32;

    /// <summary>By how much the codes of Q4_0 are too large.</summary>
    public const int Centre = 8;

    private const int Largest = 127;

    /// <summary>Room for [tokens, depth] in memory of at least <see cref="FloatsFor"/>.</summary>
    public QuantizedTokens(int tokens, int depth, Span<float> memory)
    {
        (Tokens, Depth) = (tokens, depth);
        int blocks = tokens * (depth / Block);
        Scales = memory[..blocks];
        Biases = MemoryMarshal.Cast<float, int>(memory.Slice(blocks, blocks));
        Codes = MemoryMarshal.Cast<float, sbyte>(memory.Slice(2 * blocks, blocks * (Block / sizeof(float))));
    }

    private QuantizedTokens(Span<float> scales, Span<int> biases, Span<sbyte> codes)
    {
        (Tokens, Depth) = (1, codes.Length);
        Scales = scales;
        Biases = biases;
        Codes = codes;
    }

    public int Tokens { get; }

    public int Depth { get; }

    public int Blocks => Depth / Block;

    /// <summary>One scale a block [tokens, blocks].</summary>
    public Span<float> Scales { get; }

    /// <summary>Two 16-bit biases a block [tokens, blocks].</summary>
    public Span<int> Biases { get; }

    /// <summary>One code an activation [tokens, depth].</summary>
    public Span<sbyte> Codes { get; }

    /// <summary>One of them.</summary>
    public QuantizedTokens Token(int token) => new(Scales.Slice(token * Blocks, Blocks), Biases.Slice(token * Blocks, Blocks), Codes.Slice(token * Depth, Depth));

    /// <summary>How many floats of memory [tokens, depth] takes.</summary>
    public static int FloatsFor(int tokens, int depth) => checked(tokens * (depth / Block) * (2 + Block / sizeof(float)));

    /// <summary>Quantises the rows of x [tokens, depth], in the order that is asked for.</summary>
    public void Quantize(Cpu cpu, MatrixSpan x, TokenOrder order)
    {
        QuantizeJob job = new(x, this, order);
        if (x.Rows == 1) cpu.RunSerially(1, ref job);
        else cpu.Run(x.Rows, ref job);
    }

    /// <summary>How many pairs the line has that begins at <paramref name="k"/>.</summary>
    public static int HalfOfLine(int depth, int k) => Math.Min(Prefetch.Line, (depth - k) / 2);

    [MethodImpl(Compiled.AtOnce)]
    private void Quantize(int token, ReadOnlySpan<float> x)
    {
        for (int b = 0; b < Blocks; b++)
        {
            int at = token * Blocks + b;
            Vector256<sbyte> codes = QuantizeBlock(x.Slice(b * Block, Block), out Scales[at]);
            codes.CopyTo(Codes[(token * Depth + b * Block)..]);
            Biases[at] = Bias(codes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<sbyte> QuantizeBlock(ReadOnlySpan<float> x, out float d)
    {
        Vector256<float> x0 = Vector256.Create(x), x1 = Vector256.Create(x[8..]), x2 = Vector256.Create(x[16..]), x3 = Vector256.Create(x[24..]);
        // Magnitudes are ordered as the integers of their bits, with what is not a number above all.
        Vector256<int> most = Vector256.Max(Vector256.Max(Magnitude(x0), Magnitude(x1)), Vector256.Max(Magnitude(x2), Magnitude(x3)));
        Vector128<int> half = Vector128.Max(most.GetLower(), most.GetUpper());
        half = Vector128.Max(half, Vector128.Shuffle(half, Vector128.Create(2, 3, 0, 1)));
        d = BitConverter.Int32BitsToSingle(Math.Max(half[0], half[1])) / Largest;
        Vector256<float> inverse = Vector256.Create(d == 0 ? 0 : 1 / d);
        return Vector256.Narrow(Vector256.Narrow(Whole(x0 * inverse), Whole(x1 * inverse)), Vector256.Narrow(Whole(x2 * inverse), Whole(x3 * inverse)));
    }

    private static Vector256<int> Magnitude(Vector256<float> x) => Vector256.Abs(x).AsInt32();

    // Activations that are not finite become codes of 127 at most and a scale that is not finite: the output tells.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Whole(Vector256<float> x) => Vector256.Min(Vector256.Max(Vector256.ConvertToInt32(Vector256.Round(x)), Vector256.Create(-Largest)), Vector256.Create(Largest));

    /// <summary>-8 times the sums of the first and of the last two of every four, two numbers of 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Bias(Vector256<sbyte> codes)
    {
        Vector256<short> neighbours = (codes.AsInt16() << 8 >> 8) + (codes.AsInt16() >> 8);
        Vector128<short> half = neighbours.GetLower() + neighbours.GetUpper();
        half += Vector128.Shuffle(half.AsInt32(), Vector128.Create(2, 3, 0, 1)).AsInt16();
        half += Vector128.Shuffle(half.AsInt32(), Vector128.Create(1, 0, 3, 2)).AsInt16();
        return (half * (short)-Centre).AsInt32()[0];
    }

    /// <summary>Of every eight codes the first of each pair, then the second.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void DealEights(Span<sbyte> codes)
    {
        ref sbyte at = ref MemoryMarshal.GetReference(codes);
        for (int i = 0; i < codes.Length; i += Vector128<sbyte>.Count)
            Vector128.Shuffle(Vector128.LoadUnsafe(ref at, (nuint)i), Vector128.Create(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15)).StoreUnsafe(ref at, (nuint)i);
    }

    /// <summary>Of every 128 codes, or as many as there are, the first of each pair, then the second.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void DealLines(Span<sbyte> codes)
    {
        Span<sbyte> copy = stackalloc sbyte[2 * Prefetch.Line];
        for (int k = 0; k < codes.Length; k += copy.Length)
        {
            int half = HalfOfLine(codes.Length, k);
            Span<sbyte> line = codes.Slice(k, 2 * half);
            line.CopyTo(copy);
            for (int i = 0; i < half; i += Vector128<sbyte>.Count / 2)
            {
                Vector128<sbyte> pairs = Vector128.Shuffle(Vector128.Create<sbyte>(copy[(2 * i)..]), Vector128.Create(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15));
                pairs.GetLower().CopyTo(line[i..]);
                pairs.GetUpper().CopyTo(line[(half + i)..]);
            }
        }
    }

    private readonly ref struct QuantizeJob(MatrixSpan x, QuantizedTokens tokens, TokenOrder order) : IJob
    {
        private readonly MatrixSpan _x = x;
        private readonly QuantizedTokens _tokens = tokens;

        public void Run(int item, Worker worker)
        {
            _tokens.Quantize(item, _x.Row(item));
            Span<sbyte> codes = _tokens.Codes.Slice(item * _tokens.Depth, _tokens.Depth);
            if (order == TokenOrder.EightsDealt) DealEights(codes);
            else if (order == TokenOrder.LinesDealt) DealLines(codes);
        }
    }
}
