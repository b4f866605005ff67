using System.CommandLine;
namespace MoKA.Native.Cli.Commands;
internal static class PretrainCommand { public static Command Create(Session session) => new("pretrain", ""); }
