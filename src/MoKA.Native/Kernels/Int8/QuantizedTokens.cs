using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// Rows of activations in 8 bits: blocks of 32, or of 16, with a float scale, a = q d, d = max |a| / 127, q rounded half to even.
/// Beside each block stand its bias, for weights whose codes are too large by a number, the centre: -centre times the sum of its q,
/// apart for the first and the last two of every four, as the tiles add them up; and its sum, d Σ q, for weights with a minimum.
/// </summary>
internal readonly ref struct QuantizedTokens
{
    /// <summary>Activations of a block, unless weights need blocks of half as many.</summary>
    public const int Block = 32;

    private const int Largest = 127;

    /// <summary>Room for [tokens, depth] in memory of at least <see cref="FloatsFor"/>.</summary>
    public QuantizedTokens(int tokens, int depth, int blockSize, Span<float> memory)
    {
        (Tokens, Depth, BlockSize) = (tokens, depth, blockSize);
        int blocks = tokens * Blocks;
        Scales = memory[..blocks];
        Sums = memory.Slice(blocks, blocks);
        Biases = MemoryMarshal.Cast<float, int>(memory.Slice(2 * blocks, blocks));
        Codes = MemoryMarshal.Cast<float, sbyte>(memory.Slice(3 * blocks, blocks * (blockSize / sizeof(float))));
    }

    private QuantizedTokens(QuantizedTokens all, int first, int count)
    {
        (Tokens, Depth, BlockSize) = (count, all.Depth, all.BlockSize);
        Scales = all.Scales.Slice(first * Blocks, count * Blocks);
        Sums = all.Sums.Slice(first * Blocks, count * Blocks);
        Biases = all.Biases.Slice(first * Blocks, count * Blocks);
        Codes = all.Codes.Slice(first * Depth, count * Depth);
    }

    public int Tokens { get; }

    public int Depth { get; }

    /// <summary>Activations of a block, 32 or 16.</summary>
    public int BlockSize { get; }

    public int Blocks => Depth / BlockSize;

    /// <summary>One scale a block [tokens, blocks].</summary>
    public Span<float> Scales { get; }

    /// <summary>The sum of each block [tokens, blocks], of the activations as they were rounded.</summary>
    public Span<float> Sums { get; }

    /// <summary>Two 16-bit biases a block [tokens, blocks].</summary>
    public Span<int> Biases { get; }

    /// <summary>One code an activation [tokens, depth].</summary>
    public Span<sbyte> Codes { get; }

    /// <summary>One of them.</summary>
    public QuantizedTokens Token(int token) => Range(token, 1);

    /// <summary>Some that follow each other.</summary>
    public QuantizedTokens Range(int first, int count) => new(this, first, count);

    /// <summary>How many floats of memory [tokens, depth] takes.</summary>
    public static int FloatsFor(int tokens, int depth, int blockSize) => checked(tokens * (depth / blockSize) * (3 + blockSize / sizeof(float)));

    /// <summary>Quantises the rows of x [tokens, depth], in the order that is asked for, for weights whose codes are too large by <paramref name="centre"/>.</summary>
    public void Quantize(Cpu cpu, MatrixSpan x, TokenOrder order, int centre)
    {
        QuantizeJob job = new(x, this, order, centre);
        if (x.Rows == 1) cpu.RunSerially(1, ref job);
        else cpu.Run(x.Rows, ref job);
    }

    /// <summary>How many pairs the line has that begins at <paramref name="k"/>.</summary>
    public static int HalfOfLine(int depth, int k) => Math.Min(Prefetch.Line, (depth - k) / 2);

    [MethodImpl(Compiled.AtOnce)]
    private void Quantize(int token, ReadOnlySpan<float> x, int centre)
    {
        for (int b = 0; b < Blocks; b++)
        {
            int at = token * Blocks + b;
            ReadOnlySpan<float> block = x.Slice(b * BlockSize, BlockSize);
            Span<sbyte> to = Codes.Slice(token * Depth + b * BlockSize, BlockSize);
            // The second half of a short block is zeros.
            bool whole = BlockSize == Block;
            Vector256<float> x2 = whole ? Vector256.Create(block[16..]) : default, x3 = whole ? Vector256.Create(block[24..]) : default;
            Vector256<sbyte> codes = QuantizeBlock(Vector256.Create(block), Vector256.Create(block[8..]), x2, x3, out float d);
            if (whole) codes.CopyTo(to);
            else codes.GetLower().CopyTo(to);
            Vector128<short> pairs = SumPairs(codes);
            Scales[at] = d;
            Sums[at] = d * (pairs[0] + pairs[1]);
            Biases[at] = (pairs * (short)-centre).AsInt32()[0];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<sbyte> QuantizeBlock(Vector256<float> x0, Vector256<float> x1, Vector256<float> x2, Vector256<float> x3, out float d)
    {
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

    /// <summary>The sums of the first and of the last two of every four, two numbers of 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<short> SumPairs(Vector256<sbyte> codes)
    {
        Vector256<short> neighbours = (codes.AsInt16() << 8 >> 8) + (codes.AsInt16() >> 8);
        Vector128<short> half = neighbours.GetLower() + neighbours.GetUpper();
        half += Vector128.Shuffle(half.AsInt32(), Vector128.Create(2, 3, 0, 1)).AsInt16();
        return half + Vector128.Shuffle(half.AsInt32(), Vector128.Create(1, 0, 3, 2)).AsInt16();
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

    private readonly ref struct QuantizeJob(MatrixSpan x, QuantizedTokens tokens, TokenOrder order, int centre) : IJob
    {
        private readonly MatrixSpan _x = x;
        private readonly QuantizedTokens _tokens = tokens;

        public void Run(int item, Worker worker)
        {
            _tokens.Quantize(item, _x.Row(item), centre);
            Span<sbyte> codes = _tokens.Codes.Slice(item * _tokens.Depth, _tokens.Depth);
            if (order == TokenOrder.EightsDealt) DealEights(codes);
            else if (order == TokenOrder.LinesDealt) DealLines(codes);
        }
    }
}
