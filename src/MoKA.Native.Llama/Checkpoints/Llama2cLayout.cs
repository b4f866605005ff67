using System.Buffers.Binary;
using System.Globalization;
using MoKA.Native.Diagnostics;
using MoKA.Native.Memory;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>Where one matrix of a llama2.c file lies: its values, and in version 2 the scales behind them.</summary>
internal readonly record struct Llama2cPlace(long Values, long Scales);

/// <summary>
/// What lies where in a llama2.c checkpoint (export.py); no other file knows it. Sizes are seven int32: dim, hidden dim, layers,
/// heads, key-value heads, vocabulary, longest text.
/// <code>
/// version 0: sizes, a negative vocabulary meaning a head of its own | table | attention norms | q | k | v | o | mlp norms
///            | w1 | w2 | w3 | last norm | angles, unused | head
/// version 1: "24ka" | int32 1 | sizes | byte: tied | zeros up to 256 | attention norms | mlp norms | last norm
///            | table | q | k | v | o | w1 | w2 | w3 | head
/// version 2: the same with int32 2, and int32 group size behind the byte; of each matrix int8 values, then float scales
/// </code>
/// Of each kind all layers follow one another. Everything else is float, and nothing follows.
/// </summary>
internal sealed class Llama2cLayout
{
    public const uint Magic = 0x616B3432;
    private const int Sizes = 7, HeaderOfVersion0 = Sizes * sizeof(int), Header = 256, SizesAt = 8, TiedAt = SizesAt + HeaderOfVersion0, GroupAt = TiedAt + 1;
    private const float Epsilon = 1e-5f, Theta = 10000; // the program's own constants
    private const string AttentionNorm = "att_norm", MlpNorm = "ffn_norm", LastNorm = "norm", Table = "tok_embeddings", Classifier = "output", Angles = "freqs_cis";

    // Of each kind: where the first layer's begins, how far behind its values the scales lie, and the distance to the next layer's.
    private readonly Dictionary<string, (long First, long ToScales, long Bytes)> _kinds = [];
    private readonly List<(string Name, int Layers, long[] Dims, string Type, long Bytes)> _order = [];
    private readonly string _path;
    private long _end;

    public Llama2cLayout(string path, MappedBuffer buffer)
    {
        _path = path;
        if (buffer.Length < HeaderOfVersion0) throw Error($"a llama2.c file must have at least {HeaderOfVersion0} bytes, got {buffer.Length}", "it is cut short or empty, fetch it again");
        Version = BinaryPrimitives.ReadUInt32LittleEndian(buffer.Span(0, sizeof(uint))) == Magic ? ReadVersion(buffer) : 0;
        Config = ReadConfig(buffer);
        _end = Version == 0 ? HeaderOfVersion0 : Header;
        if (Version == 0) PlaceOldOrder();
        else PlaceNewOrder();
        if (_end != buffer.Length) throw Error($"a llama2.c file of version {Version} and these sizes must have {_end} bytes, got {buffer.Length}", "it is cut short, damaged or of another format");
    }

    /// <summary>0, 1 or 2.</summary>
    public int Version { get; }

    /// <summary>Weights that share a scale, in version 2.</summary>
    public int GroupSize { get; private set; }

    public LlamaConfig Config { get; }

    /// <summary>What the file's weights take.</summary>
    public long WeightBytes { get; private set; }

    /// <summary>Every tensor of the file, in its order.</summary>
    public IEnumerable<StoredTensor> Tensors =>
        from kind in _order
        from layer in Enumerable.Range(0, kind.Layers)
        select new StoredTensor(kind.Layers == 1 ? kind.Name : string.Create(CultureInfo.InvariantCulture, $"layers.{layer}.{kind.Name}"), kind.Type, [.. kind.Dims], kind.Bytes);

    public long NormOffset(int layer, string kind) => Place(kind == "attention" ? AttentionNorm : MlpNorm, layer).Values;

    public long FinalNormOffset => Place(LastNorm).Values;

    public Llama2cPlace Embedding => Place(Table);

    public Llama2cPlace Head => Place(Classifier);

    public Llama2cPlace Linear(int layer, string kind) => Place(NameOf(kind), layer);

    /// <summary>What errors call a linear map.</summary>
    public static string NameOf(string kind) => kind switch
    {
        "gate" => "w1",
        "down" => "w2",
        "up" => "w3",
        _ => "w" + kind,
    };

    /// <summary>What errors call the tables and norms.</summary>
    public static (string Table, string Head, string LastNorm) Names => (Table, Classifier, LastNorm);

    private void PlaceOldOrder()
    {
        AddTable(Table);
        AddNorms(AttentionNorm);
        foreach (string kind in (ReadOnlySpan<string>)["q", "k", "v", "o"]) AddLayers(kind);
        AddNorms(MlpNorm);
        foreach (string kind in (ReadOnlySpan<string>)["gate", "down", "up"]) AddLayers(kind);
        AddFloats(LastNorm, 1, [Config.HiddenSize]);
        long angles = (long)Config.MaxPositions * Config.HeadDim;
        AddFloats(Angles, 1, [Config.MaxPositions, Config.HeadDim]);
        WeightBytes -= angles * sizeof(float);
        if (!Config.TieEmbeddings) AddTable(Classifier);
    }

    private void PlaceNewOrder()
    {
        AddNorms(AttentionNorm);
        AddNorms(MlpNorm);
        AddFloats(LastNorm, 1, [Config.HiddenSize]);
        AddTable(Table);
        foreach (string kind in (ReadOnlySpan<string>)["q", "k", "v", "o", "gate", "down", "up"]) AddLayers(kind);
        if (!Config.TieEmbeddings) AddTable(Classifier);
    }

    private Llama2cPlace Place(string name, int layer = 0)
    {
        (long first, long toScales, long bytes) = _kinds[name];
        return new Llama2cPlace(first + layer * bytes, first + layer * bytes + toScales);
    }

    private void AddNorms(string name) => AddFloats(name, Config.Layers, [Config.HiddenSize]);

    private void AddLayers(string kind)
    {
        (_, int outputs, int inputs) = Config.LinearMaps.First(map => map.Kind == kind);
        AddMatrix(NameOf(kind), Config.Layers, outputs, inputs);
    }

    private void AddTable(string name) => AddMatrix(name, 1, Config.VocabularySize, Config.HiddenSize);

    private void AddMatrix(string name, int layers, int rows, int columns)
    {
        long count = (long)rows * columns;
        if (Version < 2)
        {
            AddFloats(name, layers, [rows, columns]);
            return;
        }
        if (count % GroupSize != 0) throw Error($"'{name}' [{rows}, {columns}] must be whole groups of {GroupSize}", "the file is damaged, fetch it again");
        Add(name, layers, [rows, columns], count, count + count / GroupSize * sizeof(float));
    }

    private void AddFloats(string name, int layers, long[] dims) => Add(name, layers, dims, 0, dims.Aggregate(1L, (product, dim) => product * dim) * sizeof(float));

    // The limits of a config keep all these sums inside 63 bits.
    private void Add(string name, int layers, long[] dims, long toScales, long bytes)
    {
        _order.Add((name, layers, dims, toScales == 0 ? "F32" : $"I8 in groups of {GroupSize}", bytes));
        _kinds.Add(name, (_end, toScales, bytes));
        _end += layers * bytes;
        WeightBytes += layers * bytes;
    }

    private int ReadVersion(MappedBuffer buffer)
    {
        if (buffer.Length < Header) throw Error($"a llama2.c file with a version must have at least {Header} bytes, got {buffer.Length}", "it is cut short, fetch it again");
        int version = Int(buffer, sizeof(uint));
        return version is 1 or 2 ? version : throw Error($"a llama2.c file must be of version 0, 1 or 2, got {version}", "export the model again");
    }

    private LlamaConfig ReadConfig(MappedBuffer buffer)
    {
        int first = Version == 0 ? 0 : SizesAt;
        int[] sizes = [.. Enumerable.Range(0, Sizes).Select(i => Int(buffer, first + i * sizeof(int)))];
        bool tied = Version == 0 ? sizes[5] > 0 : Byte(buffer, TiedAt) != 0;
        if (Version > 0 && Byte(buffer, TiedAt) > 1) throw Error($"whether the head is the token table must be 0 or 1, got {Byte(buffer, TiedAt)}", "the file is damaged, fetch it again");
        if (Version == 0 && sizes[5] != int.MinValue) sizes[5] = Math.Abs(sizes[5]);
        if (sizes[3] < 1 || sizes[0] % sizes[3] != 0) throw Error($"dim must be a multiple of heads, got {sizes[0]} and {sizes[3]}", "it is no llama2.c file, or damaged");
        WeightStorage storage = Version == 2 ? WeightStorage.Other : WeightStorage.F32;
        LlamaConfig config = new()
        {
            HiddenSize = sizes[0], IntermediateSize = sizes[1], Layers = sizes[2], Heads = sizes[3], KeyValueHeads = sizes[4], VocabularySize = sizes[5], MaxPositions = sizes[6],
            HeadDim = sizes[0] / sizes[3], RmsNormEpsilon = Epsilon, RopeTheta = Theta, TieEmbeddings = tied, LinearStorage = storage, TableStorage = storage,
        };
        config.Validate($"{Quoted.Plain(_path)}: the sizes of a llama2.c file");
        if (Version == 2)
        {
            GroupSize = Int(buffer, GroupAt);
            // So that the rows of queries and keys, which change places, take their scales along.
            if (GroupSize < 1 || config.HiddenSize % GroupSize != 0) throw Error($"dim must be a multiple of the group size, got {config.HiddenSize} and {GroupSize}", "export the model again");
        }
        return config;
    }

    private static int Int(MappedBuffer buffer, int at) => BinaryPrimitives.ReadInt32LittleEndian(buffer.Span(at, sizeof(int)));

    private static byte Byte(MappedBuffer buffer, int at) => buffer.Span(at, 1)[0];

    private MokaException Error(string problem, string fix) => new($"{Quoted.Plain(_path)}: {problem}; {fix}.");
}
