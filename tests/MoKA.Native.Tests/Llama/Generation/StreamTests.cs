using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Generation;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Llama.Tokenizers;
using MoKA.Native.Tests.Llama.Training;

namespace MoKA.Native.Tests.Llama.Generation;

/// <summary>Text as it comes: the same for both kinds of callers, it ends cleanly, and says why.</summary>
public sealed class StreamTests : IDisposable
{
    private const string Prompt = "Lily saw";
    private static readonly GenerationOptions Options = new() { MaxTokens = 24, Temperature = 1, Seed = 6 };
    private readonly TempFolder _folder = new();
    private readonly LanguageModel _model;

    public StreamTests()
    {
        LlamaFolder.Save(_folder.File("base"), TinyLlama.Create(ToyTasks.Config with { EosTokenIds = [] }, int4: true), TokenizerFixtures.Small, WeightStorage.Q4_0, WeightStorage.F16);
        _model = LanguageModel.Load(_folder.File("base"), Cpus.Widest);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task AsynchronousTextIsTheSynchronousOne()
    {
        GenerationResult result = new();
        List<string> pieces = [];
        await foreach (string piece in _model.StreamAsync(Prompt, Options, result)) pieces.Add(piece);
        Assert.Equal(_model.Stream(Prompt, Options), pieces);
        Assert.Equal(EndReason.MaxTokens, result.End);
        Assert.Equal(24, result.NewTokens);
        Assert.Equal(_model.Tokenizer.Encode(Prompt, addBos: true).Length, result.PromptTokens);
        Assert.Equal(string.Concat(pieces), Assert.Single(_model.GenerateMany([Prompt], Options)).Text);
    }

    [Fact]
    public async Task TheCallersContextStaysFree() => Assert.Equal(0, await PostsToTheCallersContext());

    // The caller itself awaits elsewhere, so what comes to its context comes from the stream.
    private async Task<int> PostsToTheCallersContext()
    {
        SynchronizationContext? before = SynchronizationContext.Current;
        CountingContext context = new();
        SynchronizationContext.SetSynchronizationContext(context);
        try
        {
            await foreach (string _ in _model.StreamAsync(Prompt, Options).ConfigureAwait(false)) SynchronizationContext.SetSynchronizationContext(context);
            return context.Posts;
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    [Fact]
    public async Task CancellingEndsTheTextWithoutAnException()
    {
        GenerationResult result = new();
        using CancellationTokenSource source = new();
        int pieces = 0;
        await foreach (string _ in _model.StreamAsync(Prompt, Options, result).WithCancellation(source.Token))
            if (++pieces == 3) source.Cancel();
        Assert.Equal(EndReason.Cancelled, result.End);
        Assert.InRange(result.NewTokens, 3, 23);

        GenerationResult never = new();
        await foreach (string _ in _model.StreamAsync(Prompt, Options, never, source.Token)) Assert.Fail("a cancelled text has no pieces");
        Assert.Equal((EndReason.Cancelled, 0), (never.End!.Value, never.NewTokens));
    }

    [Fact]
    public async Task ACallerThatLeavesEarlyHasEndedIt()
    {
        GenerationResult result = new();
        await foreach (string _ in _model.StreamAsync(Prompt, Options, result))
        {
            Assert.Null(result.End);
            break;
        }
        Assert.Equal(EndReason.Cancelled, result.End);
        Assert.True(result.NewTokens < 24);
    }

    [Fact]
    public async Task AWrongPromptThrowsWhereItIsRead()
    {
        string tooLong = string.Concat(Enumerable.Repeat("Lily ", 400));
        await Assert.ThrowsAsync<MoKA.Native.Diagnostics.MokaException>(async () =>
        {
            await foreach (string _ in _model.StreamAsync(tooLong, Options)) { }
        });
    }

    [Fact]
    public void AStopStringIsNeverShown()
    {
        string whole = _model.Generate(Prompt, Options);
        // Every stretch of the text in turn, so that stop strings begin and end inside pieces and across them.
        for (int at = 0; at + 4 <= whole.Length; at++)
        {
            string stop = whole.Substring(at, 4);
            string expected = whole[..whole.IndexOf(stop, StringComparison.Ordinal)];
            GenerationResult result = new();
            string shown = "";
            foreach (string piece in _model.Stream(Prompt, Options with { StopStrings = ["never seen", stop] }, result))
            {
                shown += piece;
                Assert.StartsWith(shown, expected, StringComparison.Ordinal);
            }
            Assert.Equal(expected, shown);
            Assert.Equal(EndReason.StopString, result.End);
        }
        Assert.Equal(whole, _model.Generate(Prompt, Options with { StopStrings = ["never seen"] }));
    }

    [Fact]
    public void AKeptTextPaysOnlyForWhatIsNew()
    {
        using Generator generator = new(_model.Model, Cpus.Widest);
        using TextCache cache = new(_model.Model.Config, 100);
        int[] prompt = _model.Tokenizer.Encode(Prompt, addBos: true);
        GenerationResult first = new(), second = new(), third = new();
        string Alone(int[] ids) => string.Concat(generator.Text(_model.Tokenizer, ids, Options));
        Assert.Equal(Alone(prompt), string.Concat(generator.Text(_model.Tokenizer, prompt, Options, first, cache)));
        Assert.Equal(0, first.KeptTokens);
        // The last token was never shown to the model.
        int[] held = [.. cache.Tokens];
        Assert.Equal(prompt.Length + 23, held.Length);
        int[] longer = [.. held, 300, 301];
        Assert.Equal(Alone(longer), string.Concat(generator.Text(_model.Tokenizer, longer, Options, second, cache)));
        Assert.Equal(held.Length, second.KeptTokens);
        int[] other = [.. held[..5], 350];
        Assert.Equal(Alone(other), string.Concat(generator.Text(_model.Tokenizer, other, Options, third, cache)));
        Assert.Equal(5, third.KeptTokens);
        // The same again: the last token is computed once more for its logits.
        GenerationResult again = new();
        Assert.Equal(Alone(other), string.Concat(generator.Text(_model.Tokenizer, other, Options, again, cache)));
        Assert.Equal(5, again.KeptTokens);
        ErrorLine.Of(() => generator.Text(_model.Tokenizer, new int[101], Options, cache: cache), "101 tokens", "context ends at 100");
        GenerationResult full = new();
        foreach (string _ in generator.Text(_model.Tokenizer, [.. Enumerable.Repeat(300, 95)], Options, full, cache)) { }
        Assert.Equal((EndReason.ContextFull, 5), (full.End!.Value, full.NewTokens));
    }

    [Fact]
    public void AConversationIsOpenedInOneLine()
    {
        using MoKA.Native.Llama.Chat.ChatSession chat = _model.Chat(MoKA.Native.Llama.Chat.ChatTemplate.ByName("zephyr"), 128);
        string answer = string.Concat(chat.Say("Hi", Options));
        Assert.Equal(answer.Trim(), chat.Turns[1].Content);
    }

    private sealed class CountingContext : SynchronizationContext
    {
        public int Posts { get; private set; }

        public override void Post(SendOrPostCallback d, object? state)
        {
            Posts++;
            base.Post(d, state);
        }
    }
}
