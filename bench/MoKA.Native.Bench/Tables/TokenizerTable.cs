using System.Diagnostics;
using System.Text;
using MoKA.Native.Llama.Tokenizers;
using static MoKA.Native.Bench.Tables.Markdown;
using Peers = Microsoft.ML.Tokenizers;

namespace MoKA.Native.Bench.Tables;

/// <summary>A tokenizer's speed on one thread beside Microsoft.ML.Tokenizers, on the same file and text. The repository has no large vocabulary, so both are given.</summary>
internal static class TokenizerTable
{
    private const int Runs = 5, RunLength = 1 << 20;

    // LLaMA-3's, which the peer must be given.
    private const string Pattern = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public static string Measure(string tokenizerPath, string textPath)
    {
        string text = File.ReadAllText(textPath);
        string[] lines = text.Split('\n');
        double megabytes = Encoding.UTF8.GetByteCount(text) / 1e6, lineMegabytes = lines.Sum(Encoding.UTF8.GetByteCount) / 1e6;
        Tokenizer ours = TokenizerFile.Load(tokenizerPath);
        Peers.Tokenizer? theirs = LoadPeer(tokenizerPath, ours);
        Markdown table = new("Tokenizers",
            $"{Path.GetFileName(tokenizerPath)}, {ours.VocabularySize} pieces; {Path.GetFileName(textPath)}, {Number(megabytes, 2)} MB. One thread, medians of {Runs}. Peer: {(theirs is null ? "none reads this file" : "Microsoft.ML.Tokenizers 2.0.1")}.");
        table.Head("what", "MoKA.Native", "peer", "we are");
        List<int> ids = [];
        Row("the text at once, MB/s", megabytes, () => Encode(ours, text, ids), () => theirs!.EncodeToIds(text));
        Row("line by line, MB/s", lineMegabytes, () => EncodeLines(ours, lines, ids), () => PeerLines(theirs!, lines));
        Row("decoding, MB/s", megabytes, () => ours.Decode(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(ids)), () => theirs!.Decode(ids));
        string run = new('a', RunLength);
        table.Row("1 MiB of one letter, ms", Number(1e3 * Median(() => Encode(ours, run, []))), Number(null), Number(null));
        double load = Median(() => TokenizerFile.Load(tokenizerPath));
        double? peerLoad = theirs is null ? null : Median(() => LoadPeer(tokenizerPath, ours));
        table.Row("loading, ms", Number(1e3 * load), Number(1e3 * peerLoad), Times(peerLoad / load));
        table.Paragraph($"{ids.Count} ids. {Agreement(ours, theirs, lines)}");
        return table.ToString();

        void Row(string what, double size, Action our, Action their)
        {
            double speed = size / Median(our);
            double? peerSpeed = theirs is null ? null : size / Median(their);
            table.Row(what, Number(speed), Number(peerSpeed), Times(speed / peerSpeed));
        }
    }

    private static void Encode(Tokenizer tokenizer, string text, List<int> ids)
    {
        ids.Clear();
        tokenizer.Encode(text, ids);
    }

    private static void EncodeLines(Tokenizer tokenizer, string[] lines, List<int> ids)
    {
        ids.Clear();
        foreach (string line in lines) tokenizer.Encode(line, ids);
    }

    private static int PeerLines(Peers.Tokenizer tokenizer, string[] lines) => lines.Sum(line => tokenizer.EncodeToIds(line).Count);

    private static string Agreement(Tokenizer ours, Peers.Tokenizer? theirs, string[] lines)
    {
        if (theirs is null) return "";
        int alike = lines.Count(line => theirs.EncodeToIds(line).SequenceEqual(ours.Encode(line)));
        return $"{alike} of {lines.Length} lines have the peer's ids.";
    }

    // The peer reads LLaMA-3's ranks, given the pattern and the special tokens, and SentencePiece's BPE, but no tokenizer.json.
    private static Peers.Tokenizer? LoadPeer(string path, Tokenizer ours)
    {
        if (path.EndsWith(".json", StringComparison.Ordinal) || path.EndsWith(".bin", StringComparison.Ordinal)) return null;
        using FileStream stream = File.OpenRead(path);
        if (ours is SentencePieceTokenizer) return Peers.LlamaTokenizer.Create(stream, addBeginOfSentence: false);
        Dictionary<string, int> special = ours.ControlIds.ToDictionary(ours.Piece);
        Peers.RegexPreTokenizer words = new(new System.Text.RegularExpressions.Regex(Pattern, System.Text.RegularExpressions.RegexOptions.Compiled), special);
        return Peers.TiktokenTokenizer.Create(stream, words, null, special);
    }

    private static double Median(Action work)
    {
        // Warm-up: one text is one long call, which the compiler's second tier must reach from inside.
        for (long warm = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(warm).TotalSeconds < 1;) work();
        double[] seconds = new double[Runs];
        for (int run = 0; run < Runs; run++)
        {
            long start = Stopwatch.GetTimestamp();
            work();
            seconds[run] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        Array.Sort(seconds);
        return seconds[Runs / 2];
    }
}
