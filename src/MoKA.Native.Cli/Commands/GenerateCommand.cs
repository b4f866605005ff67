using System.CommandLine;
namespace MoKA.Native.Cli.Commands;
internal static class GenerateCommand { public static Command Create(Session session) => new("generate", ""); }
