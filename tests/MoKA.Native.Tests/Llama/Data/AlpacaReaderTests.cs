using System.Text;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Data;

namespace MoKA.Native.Tests.Llama.Data;

public class AlpacaReaderTests
{
    private const string One = """{"instruction": "Say ä.", "input": "", "output": "ä", "answer": "ä", "extra": [1]}""";
    private const string Two = """{"instruction": "Add.", "input": "1, 2", "output": "3"}""";

    private static readonly AlpacaRecord[] Expected = [new("Say ä.", "", "ä", "ä"), new("Add.", "1, 2", "3")];

    [Theory]
    [InlineData("data.json", $"[{One},\n{Two}]")]
    [InlineData("data.jsonl", $"{One}\n{Two}\n")]
    [InlineData("data.jsonl", $"{One}\r\n\n  \n{Two}")]
    [InlineData("DATA.JSON", $"\uFEFF[{One}, {Two}]")]
    [InlineData("data.jsonl", $"\uFEFF{One}\n{Two}")]
    public void RecordsAreReadFromBothForms(string name, string text)
    {
        using TempFolder folder = new();
        Assert.Equal(Expected, AlpacaReader.Read(folder.File(name, Encoding.UTF8.GetBytes(text))));
    }

    [Theory]
    [InlineData("", "not valid JSON")]
    [InlineData("[]", "at least one record")]
    [InlineData("{}", "must be a JSON array")]
    [InlineData($"[{One}, {Two}", "not valid JSON")]
    [InlineData($"[{One}, 7]", "record 2: must be an object, got a number")]
    [InlineData($$"""[{{One}}, {"instruction": "a", "output": "b"}]""", "record 2: field input is missing")]
    [InlineData($$"""[{{One}}, {"input": "a", "output": "b"}]""", "record 2: field instruction is missing")]
    [InlineData($$"""[{{One}}, {"instruction": "a", "input": "b"}]""", "record 2: field output is missing")]
    [InlineData("""[{"instruction": "a", "input": null, "output": "b"}]""", "record 1: field input must be a string, got null")]
    [InlineData("""[{"instruction": "a", "input": "", "output": 3}]""", "record 1: field output must be a string, got a number")]
    [InlineData("""[{"instruction": "a", "input": "", "output": "b", "answer": true}]""", "record 1: field answer must be a string, got a truth value")]
    [InlineData("""[{"instruction": "\ud800", "input": "", "output": "b"}]""", "record 1: field instruction is not valid Unicode")]
    [InlineData("""[{"input": "", "input": "", "instruction": "a", "output": "b"}]""", "not valid JSON")]
    public void ADamagedArrayIsAnErrorThatNamesThePlace(string json, string rule) => AssertError(json, lines: false, rule);

    [Theory]
    [InlineData("", "at least one record")]
    [InlineData(" \n\t\r\n", "at least one record")]
    [InlineData($"{One}\n{Two}}}", "record 2: is not valid JSON")]
    [InlineData($"{One}\n\n[{Two}]", "record 2: must be an object, got an array")]
    [InlineData($"{One} {Two}", "record 1: is not valid JSON")]
    [InlineData($$"""{"instruction": "a"}""", "record 1: field input is missing")]
    public void ADamagedLineIsAnErrorThatNamesThePlace(string json, string rule) => AssertError(json, lines: true, rule);

    [Fact]
    public void FilesThatCannotBeReadAreErrors()
    {
        using TempFolder folder = new();
        string huge = folder.File("huge.json");
        using (FileStream stream = File.Create(huge))
        {
            stream.SetLength((1L << 30) + 1);
        }

        Assert.Contains("1073741825", Assert.Throws<MokaException>(() => AlpacaReader.Read(huge)).Message);
        Assert.Throws<MokaException>(() => AlpacaReader.Read(folder.File("absent.json")));
        Assert.Contains(".jsonl", Assert.Throws<MokaException>(() => AlpacaReader.Read(folder.File("a.csv", "x"u8))).Message);
        Assert.Contains("UTF-16", Assert.Throws<MokaException>(() => AlpacaReader.Read(folder.File("a.json", [0xFF, 0xFE, 0x5B, 0]))).Message);
        Assert.Throws<MokaException>(() => AlpacaReader.Read(folder.File("b.json", [.. "[{\"instruction\": \""u8, 0xC3, 0x28, .. "\"}]"u8])));
    }

    [Fact]
    public void DocumentsArePartedTrimmedAndNeverEmpty()
    {
        using TempFolder folder = new();
        string path = folder.File("a.txt", "\uFEFFOne.\nTwo.\n<|endoftext|>\n<|endoftext|>\n Three. \n"u8);
        Assert.Equal(["One.\nTwo.", "Three."], TextFile.ReadDocuments(path));
        Assert.Throws<MokaException>(() => TextFile.ReadDocuments(folder.File("b.txt", " <|endoftext|> "u8)));
        Assert.Contains("byte 2", Assert.Throws<MokaException>(() => TextFile.ReadDocuments(folder.File("c.txt", [0x61, 0x62, 0xFF]))).Message);
    }

    [SkippableTheory]
    [InlineData("data/instruct/torchtune_alpaca_tiny.json", 100)]
    [InlineData("data/instruct/alpaca_en_demo.json", 999)]
    [InlineData("data/commonsense/boolq.test.json", 3270)]
    public void PublishedFilesAreRead(string file, int records) =>
        Assert.Equal(records, AlpacaReader.Read(Fixtures.Require(file)).Count);

    private static void AssertError(string json, bool lines, string rule)
    {
        MokaException error = Assert.Throws<MokaException>(() => AlpacaReader.Parse(Encoding.UTF8.GetBytes(json), "test.json", lines));
        Assert.StartsWith("test.json: ", error.Message);
        Assert.Contains(rule, error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }
}
