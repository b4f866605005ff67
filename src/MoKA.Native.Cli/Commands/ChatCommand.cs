using System.CommandLine;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Chat;
using MoKA.Native.Llama.Generation;

namespace MoKA.Native.Cli.Commands;

/// <summary><c>moka chat</c>: a line of standard input a turn; the answers alone go to standard output.</summary>
internal static class ChatCommand
{
    /// <summary>What a conversation gets unless asked otherwise: a cache for all positions of a model may need more memory than its weights.</summary>
    private const int UsualContext = 4096;

    private const string Help = "/reset forgets the conversation, /system TEXT sets the scene (without TEXT: none), /help shows this, /quit ends; anything else is said to the model";

    public static Command Create(Session session)
    {
        Option<string> model = Options.Model();
        Option<IReadOnlyList<string>> adapter = Options.Adapter();
        Option<bool> anyBase = Options.AnyBase();
        Option<string?> tokenizer = Options.Tokenizer();
        Option<string?> template = new("--template") { Description = "How the model wants conversations written; the model's own unless given.", HelpName = string.Join('|', ChatTemplate.All.Select(t => t.Name)) };
        Option<string?> system = new("--system") { Description = "What sets the scene.", HelpName = "TEXT" };
        Option<int> context = Options.Whole("--context", $"The most tokens of the conversation; 0 for the model's positions, at most {UsualContext}.", 0, 0);
        SamplingOptions sampling = new("The most tokens of an answer.");
        Option<string> activations = Options.Activations();
        Option<int> threads = Options.Threads();
        Command command = new("chat", "Talk with a model, with or without an adapter: a line a turn.") { model, adapter, anyBase, tokenizer, template, system, context };
        foreach (Option option in (IEnumerable<Option>)[.. sampling.All, activations, threads]) command.Options.Add(option);
        command.SetAction(parse =>
        {
            GenerationOptions options = sampling.Read(parse);
            ChatTemplate? named = parse.GetValue(template) is { } name ? UsageException.Check(() => ChatTemplate.ByName(name)) : null;
            using Inputs inputs = Inputs.Load(session.Terminal, parse.GetRequiredValue(model), parse.GetValue(tokenizer), parse.GetRequiredValue(adapter), parse.GetValue(anyBase), parse.GetValue(threads), parse.GetRequiredValue(activations));
            int positions = inputs.Model.Config.MaxPositions, asked = parse.GetValue(context);
            if (asked > positions) throw new UsageException($"--context must be at most {positions}, the model's positions, got {asked}.");
            int room = asked > 0 ? asked : Math.Min(positions, UsualContext);
            using ChatSession chat = UsageException.Check(() => new ChatSession(inputs.Model, inputs.Tokenizer, inputs.Cpu, named ?? OwnTemplate(inputs.Source.ChatTemplate), room));
            chat.System = parse.GetValue(system);
            return new ChatLoop(session, chat, options, parse.GetValue(session.Quiet), Help).Run();
        });
        return command;
    }

    /// <summary>The template that a model's own Jinja template describes.</summary>
    private static ChatTemplate OwnTemplate(string? chatTemplate) => (chatTemplate is null ? null : ChatTemplate.Recognise(chatTemplate))
        ?? throw new MokaException($"--template is needed: the model {(chatTemplate is null ? "does not say" : "says in a way that is not known")} how it wants conversations written; give one of {string.Join(", ", ChatTemplate.All.Select(t => t.Name))}.");
}
