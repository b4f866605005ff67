using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Tests.Llama.Training;

public sealed class RunFolderTests
{
    [Fact]
    public void ATakenNameGetsTheNextNumber()
    {
        using TempFolder folder = new();
        string run = folder.File("run");
        Assert.Equal(run, RunFolder.FirstFree(run));
        RunFolder.Create(run).Dispose();
        Assert.Equal(run + "-2", RunFolder.FirstFree(run));
        folder.File("run-2", "a file"u8);
        Assert.Equal(run + "-3", RunFolder.FirstFree(run));
    }

    [Fact]
    public void AnEmptyFolderIsTakenAndAnyOtherRefused()
    {
        using TempFolder folder = new();
        Directory.CreateDirectory(folder.File("empty"));
        RunFolder.Create(folder.File("empty")).Dispose();
        Assert.Throws<MokaException>(() => RunFolder.Create(folder.File("empty")));
        Assert.Throws<MokaException>(() => RunFolder.Create(folder.File("file", "text"u8)));
    }

    [Fact]
    public void EveryLineIsThereAtOnce()
    {
        using TempFolder folder = new();
        using RunFolder run = RunFolder.Create(folder.File("run"));
        run.Log(new StepReport(1, 10, 2.5f, 1e-3f, 0.5f, 100, 20, 0.5, 0.5), 1 << 20);
        using StreamReader reader = new(new FileStream(run.File(RunFolder.MetricsFile), FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        Assert.Equal("""{"step":1,"loss":2.5,"learning_rate":0.001,"gradient_norm":0.5,"tokens":100,"targets":20,"tokens_per_second":200,"memory_bytes":1048576,"elapsed":0.5,"eta":4.5}""" + "\n", reader.ReadToEnd());
    }
}
