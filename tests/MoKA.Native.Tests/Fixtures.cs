namespace MoKA.Native.Tests;

/// <summary>Finds the fixtures that may lie beside the repository; tests that need them are skipped without.</summary>
internal static class Fixtures
{
    /// <summary>The full path of <c>shared/fixtures/relative</c> in the nearest folder above that has it.</summary>
    public static string Require(string relative)
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string path = Path.Combine(folder.FullName, "shared", "fixtures", relative);
            if (Path.Exists(path))
            {
                return path;
            }
        }
        Skip.If(true, $"The fixture {relative} is not here.");
        return "";
    }
}
