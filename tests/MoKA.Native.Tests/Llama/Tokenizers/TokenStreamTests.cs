using System.Text;
using FsCheck.Xunit;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Tokenizers;

public class TokenStreamTests
{
    private static readonly SentencePieceTokenizer Small = TokenizerFixtures.Small;

    [Fact]
    public void ACharacterComesOutWhole()
    {
        TokenStream stream = new(Small);
        string[] steps = [.. Small.Encode("🎈é").Select(stream.Append)];
        Assert.Equal(["", "", "", "", "🎈", "", "é"], steps);
        Assert.Equal("", stream.Flush());
    }

    [Fact]
    public void AnUnfinishedCharacterIsReplacedAtTheEnd()
    {
        TokenStream stream = new(Small);
        Assert.Equal("", stream.Append(3 + 0xF0));
        Assert.Equal("", stream.Append(3 + 0x9F));
        Assert.Equal("\uFFFD", stream.Flush());
    }

    [Fact]
    public void ALeadingSpaceStaysWhenTheTextContinues()
    {
        int[] ids = Small.Encode("Lily");
        Assert.Equal("Lily", Joined(new TokenStream(Small), ids));
        Assert.Equal(" Lily", Joined(new TokenStream(Small, continues: true), ids));
    }

    [Property(MaxTest = 300)]
    public void TheStepsJoinToTheWhole(int[] numbers)
    {
        int[] ids = [.. numbers.Select(number => (int)((uint)number % 400))];
        TokenStream stream = new(Small);
        StringBuilder joined = new();
        foreach (int id in ids)
        {
            string step = stream.Append(id);
            Assert.False(step.Length > 0 && char.IsHighSurrogate(step[^1]));
            joined.Append(step);
        }

        Assert.Equal(Small.Decode(ids), joined.Append(stream.Flush()).ToString());
        byte[] bytes = [.. ids.SelectMany(id => Small.Bytes(id).ToArray())];
        string whole = Encoding.UTF8.GetString(bytes);
        Assert.Equal(whole.StartsWith(' ') ? whole[1..] : whole, joined.ToString());
    }

    private static string Joined(TokenStream stream, int[] ids) => string.Concat(ids.Select(stream.Append)) + stream.Flush();
}
