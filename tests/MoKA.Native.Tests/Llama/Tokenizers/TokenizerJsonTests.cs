using System.Text;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Tokenizers;

public class TokenizerJsonTests
{
    [Fact]
    public void WhatIsSavedIsLoaded()
    {
        using TempFolder folder = new();
        SentencePieceTokenizer saved = TokenizerFixtures.Small;
        TokenizerJson.Save(saved, folder.Path);
        SentencePieceTokenizer loaded = (SentencePieceTokenizer)TokenizerJson.Load(folder.Path);
        Assert.Equal(saved.VocabularySize, loaded.VocabularySize);
        for (int id = 0; id < saved.VocabularySize; id++)
        {
            Assert.Equal((saved.Piece(id), saved.Score(id)), (loaded.Piece(id), loaded.Score(id)));
        }

        Assert.Equal(saved.Encode(TokenizerFixtures.Story), loaded.Encode(TokenizerFixtures.Story));
        Assert.Equal(Json(saved), Json(loaded));
        Assert.Contains("LlamaTokenizer", File.ReadAllText(Path.Combine(folder.Path, "tokenizer_config.json")));
    }

    [Fact]
    public void TheDummyPrefixIsKept()
    {
        Tokenizer bare = TokenizerTrainer.Train([TokenizerFixtures.Story], 350, addDummyPrefix: false);
        Assert.Equal(DummyPrefix.None, Parse(Json(bare)).Prefix);
        Assert.Equal(DummyPrefix.Always, Parse(Json(TokenizerFixtures.Small)).Prefix);
    }

    [Fact]
    public void MergesMayBePairsOrStrings()
    {
        SentencePieceTokenizer strings = Parse(Minimal("\"a b\", \"ab b\""));
        SentencePieceTokenizer pairs = Parse(Minimal("[\"a\", \"b\"], [\"ab\", \"b\"]"));
        Assert.Equal([263], strings.Encode("abb"));
        Assert.Equal([263], pairs.Encode("abb"));
        Assert.Equal((0f, -1f), (pairs.Score(262), pairs.Score(263)));
    }

    [Fact]
    public void OnlyListedMergesAreMade() => Assert.Equal([260, 261, 261], Parse(Minimal("")).Encode("abb"));

    [Fact]
    public void AddedControlTokensAreReadAndWritten()
    {
        string json = Minimal("\"a b\"").Replace("\"added_tokens\": [", "\"added_tokens\": [{\"id\": 264, \"content\": \"<pad>\", \"special\": true}, ");
        Tokenizer tokenizer = Parse(Json(Parse(json)));
        Assert.Equal(264, tokenizer.Encode("<pad>", parseSpecial: true).Single());
        Assert.DoesNotContain(264, tokenizer.Encode("<pad>"));
        Assert.Equal("ab", tokenizer.Decode([264, 262, 264]));
    }

    [Theory]
    [InlineData("\"a\"")]
    [InlineData("\"a b b\"")]
    [InlineData("\"a x\"")]
    [InlineData("\"b a\"")]
    [InlineData("\"a  b\"")]
    [InlineData("[\"a\"]")]
    [InlineData("[\"a\", 1]")]
    [InlineData("7")]
    [InlineData("\"< s>\"")]
    [InlineData("\"\\ud800 a\"")]
    public void MergesThatDoNotFitAreAnError(string merges) => AssertHostile(Minimal(merges));

    [Theory]
    [InlineData("\"ab\": 262", "\"ab\": 261")]
    [InlineData("\"ab\": 262", "\"ab\": 999")]
    [InlineData("\"ab\": 262", "\"ab\": -1")]
    [InlineData("\"ab\": 262", "\"ab\": 1.5")]
    [InlineData("\"ab\": 262", "\"ab\": \"262\"")]
    [InlineData("\"ab\": 262", "\"ab\": 99999999999999")]
    [InlineData("\"ab\": 262", "\"ab\": 262, \"ab\": 262")]
    [InlineData("\"ab\": 262", "\"a\\ud800\": 262")]
    [InlineData("\"<0x07>\": 10", "\"seven\": 10")]
    [InlineData("\"byte_fallback\": true", "\"byte_fallback\": false")]
    [InlineData("\"type\": \"BPE\"", "\"type\": \"WordPiece\"")]
    [InlineData("\"Replace\"", "\"NFC\"")]
    [InlineData("\"normalizer\": {", "\"normaliser\": {")]
    [InlineData("\"special\": true", "\"special\": false, \"normalized\": true")]
    [InlineData("\"pre_tokenizer\": null", "\"pre_tokenizer\": {\"type\": \"ByteLevel\"}")]
    [InlineData("\"id\": 1,", "\"id\": 2,")]
    [InlineData("\"id\": 1,", "\"id\": 4000000,")]
    [InlineData("\"merges\"", "\"mergers\"")]
    [InlineData("\"vocab\": {", "\"vocab\": [{")]
    [InlineData("\"model\"", "\"modal\"")]
    public void ADamagedFileIsAnError(string text, string damage)
    {
        string json = Minimal("\"a b\"");
        Assert.Contains(text, json);
        AssertHostile(json.Replace(text, damage));
    }

    [Fact]
    public void EveryTruncationIsAnError()
    {
        string json = Minimal("\"a b\"").TrimEnd();
        for (int length = 0; length < json.Length; length += 37)
        {
            AssertHostile(json[..length]);
        }

        AssertHostile("[]");
        AssertHostile("null");
        AssertHostile(new string('[', 100_000));
    }

    [Fact]
    public void AHugeFileIsNotRead()
    {
        using TempFolder folder = new();
        string path = Path.Combine(folder.Path, "tokenizer.json");
        using (FileStream stream = File.Create(path))
        {
            stream.SetLength(65L << 20);
        }

        MokaException error = Assert.Throws<MokaException>(() => TokenizerJson.Load(path));
        Assert.Contains("67108864", error.Message);
        Assert.Throws<MokaException>(() => TokenizerJson.Load(Path.Combine(folder.Path, "absent.json")));
    }

    private static void AssertHostile(string json)
    {
        MokaException error = Assert.Throws<MokaException>(() => Parse(json));
        Assert.DoesNotContain('\n', error.Message);
        Assert.StartsWith("test.json: ", error.Message);
    }

    private static SentencePieceTokenizer Parse(string json) => (SentencePieceTokenizer)TokenizerJson.Parse(Encoding.UTF8.GetBytes(json), "test.json");

    private static string Json(Tokenizer tokenizer)
    {
        using MemoryStream stream = new();
        TokenizerJson.Write(tokenizer, stream);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    // Pieces 259 ▁, 260 a, 261 b, 262 ab, 263 abb; no dummy prefix.
    private static string Minimal(string merges)
    {
        IEnumerable<string> pieces = Enumerable.Range(0, 259).Select(Llama2Layout.Piece).Concat(["▁", "a", "b", "ab", "abb"]);
        string vocabulary = string.Join(", ", pieces.Select((piece, id) => $"\"{piece}\": {id}"));
        return $$"""
            {
              "added_tokens": [{"id": 1, "content": "<s>", "special": true}],
              "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}, "pre_tokenizer": null,
              "model": {"type": "BPE", "byte_fallback": true, "vocab": {{{vocabulary}}}, "merges": [{{merges}}]}
            }
            """;
    }
}
