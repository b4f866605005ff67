using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// y = x Wᵀ with W in NF4 or FP4, its levels rounded to 12 bits, and the activations quantised to 8 bits on the way in:
/// <code>y[t, o] = fma(Σ L p × d[o, b], e[t, b], y[t, o])   over b ascending; L = round(2047 level), d = m / 2047, W ≈ L d, x ≈ p e</code>
/// The sum over a block of 32 is exact, so the bits are the same on every instruction set, for one token or many. Few are
/// multiplied in integers (<see cref="LevelRows"/>). Many go through the float tiles, block by block: those hold such sums
/// exactly too, and are as fast as integers of 16 bits would be. See Int8.md.
/// </summary>
internal static class LevelProduct
{
    /// <summary>The most tokens, and steps of depth in whole blocks, that are packed at a time, as in <see cref="Gemm"/>.</summary>
    private const int MaxTokens = 1036, MaxDepth = 2048;

    /// <summary>y [tokens, outputs] for x [tokens, depth] and W [outputs, depth], whose rows are whole blocks.</summary>
    public static void Multiply(Cpu cpu, MatrixSpan x, CodebookRows w, int outputs, MatrixSpan y)
    {
        int depth = x.Columns;
        if (y.Rows != x.Rows || y.Columns != outputs || !w.HasPieces) throw new ArgumentException($"Levels: [{x.Rows}, {depth}] x [{depth}, {outputs}] does not give [{y.Rows}, {y.Columns}].");
        using Lock.Scope hold = cpu.Hold();
        QuantizedTokens tokens = new(x.Rows, depth, cpu.Scratch(0, ScratchSlot.QuantizedTokens, QuantizedTokens.FloatsFor(x.Rows, depth)));
        tokens.Quantize(cpu, x);
        if (x.Rows <= Int8Product.FewTokens)
        {
            tokens.DealPairs();
            int rowsOfTask = Int8Product.RowsOfTask(cpu, outputs);
            RowJob row = new(tokens, w, y, rowsOfTask);
            cpu.Run(Ceiling.OfRatio(outputs, rowsOfTask), ref row);
            return;
        }
        for (int token = 0; token < x.Rows; token += MaxTokens)
            for (int k = 0; k < depth; k += MaxDepth)
            {
                int some = Math.Min(MaxTokens, x.Rows - token), steps = Math.Min(MaxDepth, depth - k);
                PackedRows packed = new(cpu.InstructionSet, some, k, steps, cpu.Scratch(0, ScratchSlot.PanelsOfA, PackedRows.Length(cpu.InstructionSet, some, steps)));
                PackingJob packing = new(tokens, token, packed);
                cpu.Run(packed.PackingTasks, ref packing);
                PanelJob panels = new(tokens, token, packed, w, y);
                cpu.Run(Ceiling.OfRatio(outputs, GemmTile.Width(cpu.InstructionSet)), ref panels);
            }
    }

    /// <summary>Few tokens: rows of W are multiplied where they lie.</summary>
    private readonly ref struct RowJob(QuantizedTokens tokens, CodebookRows w, MatrixSpan y, int rowsOfTask) : IJob
    {
        private readonly QuantizedTokens _tokens = tokens;
        private readonly CodebookRows _w = w;
        private readonly MatrixSpan _y = y;

        public void Run(int item, Worker worker)
        {
            int first = item * rowsOfTask, rows = Math.Min(rowsOfTask, _y.Columns - first);
            LevelRows.Run(worker, _tokens, _w, first, _y.Block(0, _y.Rows, first, rows));
        }
    }

    /// <summary>Many tokens: their codes as floats, in the panels that the tiles read.</summary>
    private readonly ref struct PackingJob(QuantizedTokens tokens, int token, PackedRows packed) : IJob
    {
        private readonly QuantizedTokens _tokens = tokens;
        private readonly PackedRows _packed = packed;

        public void Run(int item, Worker worker)
        {
            (int slab, int first, int last) = _packed.PackingTask(item);
            _packed.Pack(worker, new CodePanels(_tokens), slab, first, last, token);
        }
    }

    /// <summary>A panel of W is laid out for the tiles and used for all tokens.</summary>
    private readonly ref struct PanelJob(QuantizedTokens tokens, int firstToken, PackedRows packed, CodebookRows w, MatrixSpan y) : IJob
    {
        private readonly QuantizedTokens _tokens = tokens;
        private readonly PackedRows _packed = packed;
        private readonly CodebookRows _w = w;
        private readonly MatrixSpan _y = y;

        [MethodImpl(Compiled.AtOnce)]
        public void Run(int item, Worker worker)
        {
            const int block = QuantizedTokens.Block;
            InstructionSet set = worker.InstructionSet;
            int width = GemmTile.Width(set), first = item * width, rows = Math.Min(width, _y.Columns - first), most = GemmTile.TallHeight(set) * width;
            (int k, int steps) = _packed.Slab(0);
            Span<float> panel = worker.Scratch(ScratchSlot.PanelOfB, steps * width), tiles = worker.Scratch(ScratchSlot.EdgeTile, 2 * most);
            new LevelPanels(_w).Pack(worker, k, steps, first, rows, width, panel);
            Span<float> products = tiles[..most], sums = tiles[most..], scales = _w.UnitScales(worker, first, 1, rows, k, steps, width);
            for (int i = 0, height; i < _packed.Rows; i += height)
            {
                height = GemmTile.Height(set, _packed.Rows - i);
                int valid = Math.Min(height, _packed.Rows - i), token = firstToken + i;
                ReadOnlySpan<float> codes = _packed.Panel(0, i, height);
                sums.Clear();
                MatrixSpan target = _y.Block(token, valid, first, rows);
                if (k > 0) BlockCopy.Run(target.Data, target.RowStride, sums, width, valid, rows);
                for (int b = 0; b < steps / block; b++)
                {
                    GemmTile.Run(set, height, block, codes[(b * block * height)..], panel[(b * block * width)..], products, width, width, load: false);
                    ReadOnlySpan<float> d = scales.Slice(((k + b * block) / _w.BlockSize - k / _w.BlockSize) * width, width);
                    AddScaled(products, d, _tokens.Scales[(token * _tokens.Blocks + k / block + b)..], _tokens.Blocks, valid, sums);
                }
                BlockCopy.Run(sums, width, target.Data, target.RowStride, valid, rows);
            }
        }

        /// <summary>sums [tokens, width] = fma(products d, e, sums) with d [width] and one e a token, so many floats apart.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void AddScaled(ReadOnlySpan<float> products, ReadOnlySpan<float> d, ReadOnlySpan<float> e, int step, int tokens, Span<float> sums)
        {
            const int lanes = 16;
            int width = d.Length;
            // The slices prove the bounds once; the loops below then read and write without checks.
            ref float product = ref MemoryMarshal.GetReference(products[..(tokens * width)]), sum = ref MemoryMarshal.GetReference(sums[..(tokens * width)]);
            ref float scale = ref MemoryMarshal.GetReference(e[..((tokens - 1) * step + 1)]);
            Vector512<float> first = Vector512.Create(d), last = Vector512.Create(d[(width - lanes)..]);
            nuint second = (nuint)(width - lanes);
            for (int t = 0; t < tokens; t++)
            {
                Vector512<float> own = Vector512.Create(scale);
                Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref product) * first, own, Vector512.LoadUnsafe(ref sum)).StoreUnsafe(ref sum);
                if (second > 0) Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref product, second) * last, own, Vector512.LoadUnsafe(ref sum, second)).StoreUnsafe(ref sum, second);
                product = ref Unsafe.Add(ref product, width);
                sum = ref Unsafe.Add(ref sum, width);
                scale = ref Unsafe.Add(ref scale, step);
            }
        }
    }

    /// <summary>The tokens' codes as floats, columns of [depth, tokens].</summary>
    private readonly ref struct CodePanels(QuantizedTokens tokens) : IPanels
    {
        private readonly QuantizedTokens _tokens = tokens;

        [MethodImpl(Compiled.AtOnce)]
        public void Pack(Worker worker, int k, int kc, int first, int valid, int width, Span<float> panel)
        {
            Span<float> codes = worker.Scratch(ScratchSlot.Dequantised, valid * kc);
            for (int t = 0; t < valid; t++) TensorPrimitives.ConvertTruncating<sbyte, float>(_tokens.Codes.Slice((first + t) * _tokens.Depth + k, kc), codes.Slice(t * kc, kc));
            Packing.Pack(new MatrixSpan(codes, valid, kc).Transposed, width, panel);
        }
    }

    /// <summary>W's whole levels as floats, columns of [depth, outputs].</summary>
    private readonly ref struct LevelPanels(CodebookRows w) : IPanels
    {
        private readonly CodebookRows _w = w;

        [MethodImpl(Compiled.AtOnce)]
        public void Pack(Worker worker, int k, int kc, int first, int valid, int width, Span<float> panel)
        {
            Span<float> levels = worker.Scratch(ScratchSlot.Dequantised, valid * kc);
            for (int j = 0; j < valid; j++) _w.ReadLevels(first + j, k, levels.Slice(j * kc, kc));
            IntegerLevels.ToWhole(levels);
            Packing.Pack(new MatrixSpan(levels, valid, kc).Transposed, width, panel);
        }
    }
}
