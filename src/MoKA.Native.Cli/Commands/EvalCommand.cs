using System.CommandLine;
namespace MoKA.Native.Cli.Commands;
internal static class EvalCommand { public static Command Create(Session session) => new("eval", ""); }
