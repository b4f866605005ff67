namespace MoKA.Native.Cli;

/// <summary>What the process returns.</summary>
internal static class ExitCode
{
    public const int Success = 0;
    public const int Unexpected = 1;
    public const int Usage = 2;
    public const int Input = 3;
    public const int NonFinite = 4;
    public const int Verification = 6;
    public const int Cancelled = 130;
}
