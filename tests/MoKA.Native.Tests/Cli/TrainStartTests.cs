using System.Text.Json;
using MoKA.Native.Llama.Checkpoints;

namespace MoKA.Native.Tests.Cli;

/// <summary>Training that goes on from an adapter, and adapters of another base.</summary>
public sealed class TrainStartTests(CliWorld world) : IClassFixture<CliWorld>
{
    [Theory]
    [InlineData("moka", "--filters", "3", "--gate", "off")]
    [InlineData("moka-s", "--scale", "2")]
    [InlineData("krona")]
    [InlineData("lokr", "--rank", "2")]
    [InlineData("lora", "--rank", "3", "--alpha", "6", "--dropout", "0.25")]
    [InlineData("rslora", "--rank", "3")]
    [InlineData("dora", "--rank", "3")]
    public void EveryMethodGoesOnWhereItWas(string method, params string[] options)
    {
        string first = Trained(method, ["--method", method, "--targets", "q,v,o", .. options]), second = world.Path(method + "-on");
        byte[] before = Weights(first);
        CliResult result = world.Run("train", "-m", world.Base, "-d", world.Train, "-o", second, "--steps", "3", "--batch", "2", "--threads", "1", "--test", world.Test, "--start", first, "--lr", "0.01");
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Contains($"goes on from  {first}", result.Out.Replace(": ", "  "));
        Assert.Equal(before, Weights(first));

        JsonElement was = Json(first, "config.json"), now = Json(second, "config.json");
        foreach (string key in (string[])["method", "targets", "adapter", "shapes", "dropout", "trainable"]) Assert.Equal(was.GetProperty(key).ToString(), now.GetProperty(key).ToString());
        Assert.Equal(first, now.GetProperty("start").GetString());
        // It begins with the loss that the other run ended with, and changes it.
        double ended = Json(first, "result.json").GetProperty("after").GetProperty("loss").GetDouble(), began = Json(second, "result.json").GetProperty("before").GetProperty("loss").GetDouble();
        Assert.Equal(ended, began);
        Assert.NotEqual(began, Json(second, "result.json").GetProperty("after").GetProperty("loss").GetDouble());
        Assert.Equal(0, world.Run("inspect", second).Code);
        Assert.Equal(0, world.Run("generate", "-m", world.Base, "-a", second, "-p", "Anna", "--max-tokens", "2", "--threads", "1").Code);
    }

    [Fact]
    public void AnImportedAdapterIsTrainedFurther()
    {
        string lora = Trained("imported-from", "--method", "lora", "--rank", "2"), mixture = world.Path("imported"), run = world.Path("imported-on");
        Assert.Equal(0, world.Run("import", lora, "-m", world.Base, "-o", mixture, "--filters", "2", "--threads", "1").Code);
        Assert.Equal(0, world.Run("train", "-m", world.Base, "-d", world.Train, "-o", run, "--steps", "2", "--batch", "2", "--threads", "1", "--start", mixture).Code);
        Assert.Equal("moka", Json(run, "config.json").GetProperty("method").GetString());
        Assert.NotEqual(File.ReadAllBytes(Path.Combine(mixture, AdapterFolder.WeightsFile)), Weights(run));
    }

    [Theory]
    [InlineData("--method", "lora")]
    [InlineData("--targets", "q")]
    [InlineData("--filters", "2")]
    [InlineData("--shapes", "8x4:4x8")]
    [InlineData("--rank", "2")]
    [InlineData("--alpha", "2")]
    [InlineData("--rate-ratio", "2")]
    [InlineData("--decompose-factor", "4")]
    [InlineData("--decompose-both")]
    [InlineData("--scale", "2")]
    [InlineData("--dropout", "0.1")]
    [InlineData("--temperature", "2")]
    [InlineData("--gate", "off")]
    public void WhatTheAdapterDecidesIsRefused(params string[] option)
    {
        CliResult result = world.Run(["train", "-m", world.Base, "-d", world.Train, "-o", world.Path("never"), "--start", world.Path("nowhere"), .. option]);
        Assert.Equal(2, result.Code);
        Assert.Contains($"{option[0]}: the adapter that --start names decides this", Assert.Single(result.ErrorLines));
        Assert.False(Directory.Exists(world.Path("never")));
    }

    [Fact]
    public void AStartThatIsNoneIsOneErrorAndNothingIsWritten()
    {
        string adapter = world.Copy(Path.Combine(Trained("damaged-from"), "adapter"), "damaged");
        File.WriteAllText(Path.Combine(adapter, AdapterFolder.ConfigFile), "{");
        foreach ((string start, string says) in new[] { (world.Path("nowhere"), "no such folder"), (adapter, AdapterFolder.ConfigFile) })
        {
            CliResult result = world.Run("train", "-m", world.Base, "-d", world.Train, "-o", world.Path("never"), "--start", start);
            Assert.Equal(3, result.Code);
            Assert.Contains(says, Assert.Single(result.ErrorLines));
            Assert.False(Directory.Exists(world.Path("never")));
        }
    }

    [Fact]
    public void LayersThatDifferGoOnAndTheOutputLiesApart()
    {
        string run = Trained("uneven-from"), adapter = world.Path("uneven"), on = world.Path("uneven-on");
        Assert.Equal(0, world.Run("export", run, "-o", adapter, "--to", "peft-lora", "--energy", "0.6", "--threads", "1", "-m", world.Base).Code);
        CliResult inside = world.Run("train", "-m", world.Base, "-d", world.Train, "-o", Path.Combine(adapter, "inside"), "--start", adapter);
        Assert.Equal(2, inside.Code);
        Assert.Contains("must lie apart", Assert.Single(inside.ErrorLines));
        Assert.Equal(0, world.Run("train", "-m", world.Base, "-d", world.Train, "-o", on, "--steps", "1", "--batch", "2", "--threads", "1", "--start", adapter).Code);
        string[] names = [.. Json(on, "config.json").GetProperty("shapes").EnumerateObject().Select(p => p.Name)];
        Assert.Equal(names.Distinct(), names);
    }

    [Fact]
    public void AnotherBasesAdapterIsTakenWhenAskedAndThatIsSaid()
    {
        string run = Trained("elsewhere"), merged = world.Path("any-merged"), second = world.Path("any-on");
        string[][] commands =
        [
            ["generate", "-p", "Anna", "--max-tokens", "2", "-a", run],
            ["eval", "loss", "-d", world.Test, "-a", run],
            ["eval", "perplexity", "--text", world.Path("story.txt"), "--context", "32", "-a", run],
            ["merge", "-o", merged, "-a", run],
            ["export", run, "--to", "hf", "-o", world.Path("any-exported")],
            ["import", run, "-o", world.Path("any-imported"), "--filters", "1"],
            ["train", "-d", world.Train, "--steps", "1", "--batch", "2", "-o", second, "--start", run],
        ];
        foreach (string[] command in commands)
        {
            string[] onOther = [.. command, "-m", world.OtherBase, "--threads", "1"];
            CliResult refused = world.Run(onOther);
            Assert.Equal(3, refused.Code);
            Assert.Contains("was trained on another model (base) than the one given", Assert.Single(refused.ErrorLines));
            Assert.Contains("--any-base", refused.Error);
            CliResult taken = world.Run([.. onOther, "--any-base"]);
            Assert.Equal(0, taken.Code);
            Assert.Contains(taken.ErrorLines, line => line.Contains("was trained on another model (base); its maps have the right shapes, and it is taken"));
        }
        // What was trained further belongs to the base that it was trained on.
        Assert.Equal(0, world.Run("generate", "-m", world.OtherBase, "-a", second, "-p", "Anna", "--max-tokens", "2", "--threads", "1").Code);
        CliResult own = world.Run("generate", "-m", world.Base, "-a", run, "--any-base", "-p", "Anna", "--max-tokens", "2", "--threads", "1");
        Assert.Single(own.ErrorLines);
        foreach (string[] command in (string[][])[["train", "-d", world.Train, "-o", world.Path("never")], ["generate", "-p", "Anna"], ["eval", "loss", "-d", world.Test]])
        {
            CliResult none = world.Run([.. command, "-m", world.Base, "--any-base"]);
            Assert.Equal(2, none.Code);
            Assert.Contains("--any-base is about an adapter, and none was given", Assert.Single(none.ErrorLines));
        }
    }

    private string Trained(string name, params string[] options)
    {
        string run = world.Path(name + "-first");
        CliResult result = world.Run(["train", "-m", world.Base, "-d", world.Train, "-o", run, "--steps", "2", "--batch", "2", "--threads", "1", "--test", world.Test, .. options]);
        Assert.Equal((0, ""), (result.Code, result.Error));
        return run;
    }

    private static byte[] Weights(string run) => File.ReadAllBytes(Path.Combine(run, "adapter", AdapterFolder.WeightsFile));

    private static JsonElement Json(string run, string file)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(run, file)));
        return document.RootElement.Clone();
    }
}
