using System.Text.Json;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Checkpoints.Export;

/// <summary>A tokenizer written into a GGUF file and read again cuts text as before, or is refused.</summary>
public sealed class GgufTokenizerWriterTests : IDisposable
{
    private const string Template = "{% for m in messages %}[INST] {{ m.content }}{% endfor %}";
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Pieces_with_scores_and_a_template()
    {
        foreach ((bool bos, bool eos) in new[] { (true, true), (true, false), (false, true), (false, false) })
        {
            SentencePieceTokenizer pieces = TokenizerFixtures.WithEnds(bos, eos);
            (ModelSource back, _) = Through(pieces, Template);
            Tokenizer read = back.LoadTokenizer();
            AssertAlike(pieces, read, TokenizerFixtures.Story, "a  ball\n\n", " été 12345", "<s>x</s>");
            Assert.Equal((pieces.BosId, Template), (read.BosId, back.ChatTemplate));
            // The file names the model's own end of text where the tokenizer names none.
            Assert.Equal(2, read.EosId);
            Assert.Equal(pieces.VocabularySize + 5, read.VocabularySize);
        }
    }

    [Theory]
    [InlineData(null, "llama-bpe", true)]
    [InlineData("""{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}""", "gpt-2", false)]
    [InlineData("""{"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}]}""", "smollm", false)]
    public void Bytes_with_merges_and_a_way_to_cut(string? cut, string name, bool whole)
    {
        string json = TokenizerFiles.ByteLevelJson(["a b", "Ġ ab", "l l", "' ll", "1 2", "Ã ©"], cut, ignoreMerges: whole, added: TokenizerFiles.AddedToken(262, "<|end|>", special: true));
        File.WriteAllText(_folder.File("tokenizer.json"), json);
        Tokenizer bytes = TokenizerFile.Load(_folder.File("tokenizer.json"));
        (ModelSource back, GgufFile file) = Through(bytes, null);
        using (file) Assert.Equal(("gpt2", name), (file.Metadata.Text("tokenizer.ggml.model"), file.Metadata.Text("tokenizer.ggml.pre")));
        AssertAlike(bytes, back.LoadTokenizer(), "ab ab' ll 1234 été", "  \n\tabab", "x<|end|>y");
    }

    [Fact]
    public void What_scores_or_names_cannot_tell_is_refused()
    {
        // Its own merges make "abc" from "ab" and "c" alone; by scores "bc" would come first.
        string json = """
            {"added_tokens": [], "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}, "pre_tokenizer": null,
             "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": false, "ignore_merges": false, "vocab": {"<unk>": 0, "▁": 1, "a": 2, "b": 3, "ab": 4, "▁ab": 5}, "merges": ["▁ ab"]}}
            """;
        File.WriteAllText(_folder.File("tokenizer.json"), json);
        Tokenizer odd = TokenizerFile.Load(_folder.File("tokenizer.json"));
        ErrorLine.Of(() => Through(odd, null), "'ab'", "scores", "tokenizer");
        // GPT-2's name says that words merge; a tokenizer that takes them whole has none.
        File.WriteAllText(_folder.File("tokenizer.json"), TokenizerFiles.ByteLevelJson(["a b"], """{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}""", ignoreMerges: true, more: ["xyz"]));
        ErrorLine.Of(() => Through(TokenizerFile.Load(_folder.File("tokenizer.json")), null), "'xyz'", "merges");
    }

    [Fact]
    public void A_space_before_the_first_word_alone_is_said_not_to_be_held()
    {
        SentencePieceTokenizer small = TokenizerFixtures.Small;
        int[] ids = [.. Enumerable.Range(0, small.VocabularySize)];
        SentencePieceTokenizer first = Llama2Layout.Create([.. ids.Select(small.Piece)], [.. ids.Select(small.Score)], DummyPrefix.First);
        (GgufExport export, ModelSource source) = Plan(first, null);
        Assert.Contains(export.Notes, n => n.Contains("space", StringComparison.Ordinal));
        Assert.DoesNotContain(Plan(small, null).Export.Notes, n => n.Contains("space", StringComparison.Ordinal));
        Assert.True(source.HasTokenizer);
    }

    [SkippableTheory]
    [InlineData("llama2_tokenizer.model", "llama2_vectors.json")]
    [InlineData("llama3_tokenizer.model", "llama3_vectors.json")]
    [InlineData("llama3.1_tokenizer.json", "llama3_vectors.json")]
    public void Published_tokenizers_keep_every_vector(string file, string vectors)
    {
        Tokenizer published = LargeTokenizers.Load(file);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Fixtures.Require("tokenizers/vectors/" + vectors)));
        GgufWriter writer = new();
        GgufTokenizerWriter.Write(writer, published, published.VocabularySize);
        List<string> notes = [];
        GgufTokenizerWriter.WriteEnds(writer, TinyLlama.Config with { VocabularySize = published.VocabularySize, BosTokenId = published.BosId, EosTokenIds = [published.EosId!.Value] }, published, notes);
        writer.Save(_folder.File("t.gguf"));
        using GgufFile read = new(_folder.File("t.gguf"));
        GgufTokenizerData data = GgufTokenizerData.Read(read);
        Tokenizer again = published is SentencePieceTokenizer
            ? SentencePieceTokenizer.Create(data.Tokens, data.Scores!, data.Types!, data.BosId, data.EosId, data.UnknownId, data.AddSpacePrefix!.Value)
            : ByteLevelTokenizer.Create(data.Tokens, data.Types!, data.Merges!, data.Pre!, data.BosId, data.EosId);
        List<string> texts = [.. Texts(document.RootElement)];
        Assert.NotEmpty(texts);
        AssertAlike(published, again, [.. texts]);
        Assert.Equal((published.BosId, published.EosId), (again.BosId, again.EosId));
        Assert.Empty(notes);
    }

    private static IEnumerable<string> Texts(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Texts),
        JsonValueKind.Object => element.EnumerateObject().SelectMany(member => Texts(member.Value)),
        JsonValueKind.String => [element.GetString()!],
        _ => [],
    };

    private static void AssertAlike(Tokenizer expected, Tokenizer actual, params string[] texts)
    {
        foreach (string text in texts)
            foreach (bool special in (bool[])[false, true]) Assert.Equal(expected.Encode(text, addBos: special, parseSpecial: special), actual.Encode(text, addBos: special, parseSpecial: special));
    }

    private (GgufExport Export, ModelSource Source) Plan(Tokenizer tokenizer, string? template)
    {
        // A few ids more than the tokenizer has, as many models do.
        LlamaConfig config = TinyLlama.Config with { VocabularySize = tokenizer.VocabularySize + 5, BosTokenId = tokenizer.BosId, EosTokenIds = [tokenizer is SentencePieceTokenizer ? 2 : tokenizer.VocabularySize - 1] };
        LlamaFolder.Save(_folder.File("base"), TinyLlama.Create(config), tokenizer, WeightStorage.F32, WeightStorage.F32);
        if (template is not null) File.WriteAllText(Path.Combine(_folder.File("base"), "chat_template.jinja"), template);
        ModelSource source = ModelSource.Open(_folder.File("base"));
        return (new GgufExport(source, source.LoadModel(), WeightStorage.F32, tokenizer), source);
    }

    private (ModelSource Back, GgufFile File) Through(Tokenizer tokenizer, string? template)
    {
        Plan(tokenizer, template).Export.Write(_folder.File("m.gguf"));
        return (ModelSource.Open(_folder.File("m.gguf")), new GgufFile(_folder.File("m.gguf")));
    }
}
