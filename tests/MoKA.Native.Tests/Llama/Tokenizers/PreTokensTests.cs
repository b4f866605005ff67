using System.Text;
using System.Text.RegularExpressions;
using FsCheck.Xunit;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Tokenizers;

/// <summary>The hand-written scanners cut where the regular expressions do.</summary>
public class PreTokensTests
{
    // .NET's expressions look at UTF-16 units and do not fold ſ, so the reference sees a letter for a letter of another
    // plane, and ſ is spelt out.
    private static readonly Regex Llama3 = new(SplitPatterns.Llama3.Replace("'s|", "'[sſ]|"), RegexOptions.CultureInvariant);
    private static readonly Regex Gpt2 = new(SplitPatterns.Gpt2, RegexOptions.CultureInvariant);

    [Theory]
    [InlineData("it's", "it|'s")]
    [InlineData("IT'S 'Ll'sT", "IT|'S| '|Ll|'s|T")]
    [InlineData("a'ſb", "a|'ſ|b")]
    [InlineData("'K'é", "'K|'é")]
    [InlineData("  a", " | a")]
    [InlineData("a  ", "a|  ")]
    [InlineData(" \n \n  a", " \n \n| | a")]
    [InlineData("a \r\n\r\nb", "a| \r\n\r\n|b")]
    [InlineData("!!\n\nab", "!!\n\n|ab")]
    [InlineData("\tab \t!", "\tab| |\t|!")]
    [InlineData("12345 6", "123|45| |6")]
    [InlineData("x²½Ⅳ٣x", "x|²½Ⅳ|٣|x")]
    [InlineData("\u00a0ab\u2003\u2003c", "\u00a0ab|\u2003|\u2003c")]
    [InlineData("𠀀b𝟘𝟘𝟘𝟘", "𠀀b|𝟘𝟘𝟘|𝟘")]
    [InlineData("e\u0301a", "e|\u0301a")]
    [InlineData("\u200ba\u0085b", "\u200ba|\u0085b")]
    public void Llama3Cuts(string text, string words) => Assert.Equal(words.Split('|'), Words(text, SplitPattern.Llama3));

    [Theory]
    [InlineData("it's IT'S", "it|'s| IT|'|S")]
    [InlineData("a'ſb", "a|'|ſb")]
    [InlineData("12345 678", "12345| 678")]
    [InlineData("a  \n\n b", "a|  \n\n| b")]
    [InlineData("a!?\n", "a|!?|\n")]
    [InlineData(" !a", " !|a")]
    public void Gpt2Cuts(string text, string words) => Assert.Equal(words.Split('|'), Words(text, SplitPattern.Gpt2));

    [Theory]
    [InlineData("a12  3", "a|1|2|  |3")]
    [InlineData(" 7 x²𝟘", " |7| x|²|𝟘")]
    public void DigitsStandAlone(string text, string words) => Assert.Equal(words.Split('|'), Words(text, SplitPattern.Gpt2Digits));

    [Fact]
    public void ALoneSurrogateIsASign() => Assert.Equal(["a", "\ud800", " \udc00\ud83c", " b"], Words("a\ud800 \udc00\ud83c b", SplitPattern.Llama3));

    [Property(MaxTest = 2000)]
    public void TheScannersCutWhereTheExpressionsDo(int seed)
    {
        foreach (string text in (string[])[RandomTexts.Mixed(seed), RandomTexts.Runs(seed), RandomTexts.Unicode(seed)])
        {
            Assert.Equal(Reference(text, Llama3), Words(text, SplitPattern.Llama3));
            Assert.Equal(Reference(text, Gpt2), Words(text, SplitPattern.Gpt2));
            Assert.Equal(Regex.Split(Shadow(text), @"(\p{N})").Where(part => part.Length > 0).SelectMany(part => Gpt2.Matches(part)).Select(match => match.Length), Shadowed(text, SplitPattern.Gpt2Digits));
        }
    }

    private static List<string> Words(string text, SplitPattern pattern)
    {
        List<string> words = [];
        PreTokens tokens = new(text, pattern);
        while (tokens.MoveNext()) words.Add(tokens.Current.ToString());
        Assert.Equal(text, string.Concat(words));
        return words;
    }

    // The words' lengths in code points.
    private static IEnumerable<int> Shadowed(string text, SplitPattern pattern) => Words(text, pattern).Select(word => word.EnumerateRunes().Count());

    private static List<string> Reference(string text, Regex expression)
    {
        string[] runes = [.. text.EnumerateRunes().Select(rune => rune.ToString())];
        return [.. expression.Matches(Shadow(text)).Select(match => string.Concat(runes[match.Index..(match.Index + match.Length)]))];
    }

    // One UTF-16 unit for each code point, of the same class.
    private static string Shadow(string text) => string.Concat(text.EnumerateRunes().Select(rune =>
        rune.IsBmp ? (char)rune.Value : Rune.IsLetter(rune) ? 'ж' : Rune.IsNumber(rune) ? '٣' : '☃'));
}
