using System.CommandLine;
namespace MoKA.Native.Cli.Commands;
internal static class InspectCommand { public static Command Create(Session session) => new("inspect", ""); }
