using System.Text.Json;
using System.Xml.Linq;

namespace MoKA.Native.Tests.Cli;

/// <summary>shapes, inspect --adapter-plan and plot: what they print and draw, and what they refuse.</summary>
public sealed class PlanningCommandsTests : IClassFixture<CliWorld>
{
    /// <summary>The rectangles that one scale of colours is drawn with.</summary>
    private const int ColorSteps = 200;

    private readonly CliWorld _world;
    private readonly string _run, _adapter;

    public PlanningCommandsTests(CliWorld world)
    {
        (_world, _run) = (world, world.Path("run"));
        _adapter = Path.Combine(_run, "adapter");
        if (Directory.Exists(_run)) return;
        Assert.Equal(0, world.Run(world.Training("run", "--test", world.Test)).Code);
        Assert.Equal(0, world.Run([.. world.Training("other-run").Select(a => a == "3" ? "1" : a)]).Code);
    }

    [Fact]
    public void Shapes_are_listed_and_mixtures_proposed_within_the_limits()
    {
        using JsonDocument json = Json("shapes", "--in", "24", "--out", "12", "--filters", "3", "--budget", "120", "--min-rank", "6", "--json");
        JsonElement root = json.RootElement;
        Assert.Equal(6 * 8, root.GetProperty("shapes").GetArrayLength());
        Assert.Equal(2 * 6 - 1, root.GetProperty("identity_shapes").GetArrayLength());
        Assert.NotEmpty(root.GetProperty("proposals").EnumerateArray());
        Assert.All(root.GetProperty("proposals").EnumerateArray(), p =>
        {
            Assert.InRange(p.GetProperty("parameters").GetInt64(), 1, 120);
            Assert.InRange(p.GetProperty("maximal_rank").GetInt64(), 6, 12);
            Assert.Equal(3, p.GetProperty("shapes").GetArrayLength());
        });
        Assert.Equal(MoKA.Native.Adapters.KroneckerShapes.Balanced(12, 24, 3).Select(s => s.ToString()), root.GetProperty("default").GetProperty("shapes").EnumerateArray().Select(s => s.GetString()));
        string text = _world.Run("shapes", "--in", "4096", "--out", "4096").Out;
        Assert.Contains("64x64:64x64    8192        4096        524288         either", text);
        Assert.Contains("16x256:256x16  8192        256         131072         A first", text);
        Assert.Contains("I16:256x256 65536 4096 1048576 one product", System.Text.RegularExpressions.Regex.Replace(text, " +", " "));
        Assert.True(_world.Run("shapes", "--in", "4096", "--out", "4096", "--all").Out.Split('\n').Length > 169 + 184);
        Assert.Equal(0, _world.Run("shapes", "--in", "127", "--out", "1").Code);
    }

    [Fact]
    public void A_plan_counts_every_method_of_a_known_shape_or_a_model()
    {
        using JsonDocument known = Json("inspect", "--shape", "llama-2-7b", "--adapter-plan", "--json");
        JsonElement moka = known.RootElement.GetProperty("methods")[0];
        Assert.Equal((5_242_880 + 640, 640), (moka.GetProperty("parameters").GetInt64(), moka.GetProperty("gates").GetInt64()));
        Assert.Equal(2_621_440 + 320, moka.GetProperty("kinds").GetProperty("q").GetProperty("parameters").GetInt64());
        string text = _world.Run("inspect", _world.Base, "--adapter-plan", "--targets", "q,v", "--filters", "3", "--rank", "2").Out;
        using JsonDocument model = Json("inspect", _world.Base, "--adapter-plan", "--targets", "q,v", "--filters", "3", "--rank", "2", "--json");
        // Two layers, q [32, 32] and v [16, 32]: LoRA has r (out + in) numbers a map.
        JsonElement lora = model.RootElement.GetProperty("methods").EnumerateArray().Single(m => m.GetProperty("method").GetString() == "LoRA");
        Assert.Equal(2 * 2 * (32 + 32 + 16 + 32), lora.GetProperty("parameters").GetInt64());
        Assert.Contains("r = 2", text);
        Assert.DoesNotContain("32 ", text.Split('\n').First(line => line.TrimStart().StartsWith("LoRA", StringComparison.Ordinal))[..20]);
    }

    [Fact]
    public void An_inspected_adapter_shows_how_many_directions_it_uses()
    {
        using JsonDocument json = Json("inspect", _adapter, "--json");
        JsonElement map = json.RootElement.GetProperty("maps").GetProperty("base_model.model.model.layers.0.self_attn.q_proj");
        Assert.InRange(map.GetProperty("effective_rank").GetDouble(), 1, map.GetProperty("maximal_rank").GetInt32());
        Assert.Contains("effective rank", _world.Run("inspect", _adapter).Out);
    }

    [Fact]
    public void An_adapter_is_drawn_with_every_kind_and_filter()
    {
        string file = _world.Path("gates.svg");
        using JsonDocument json = Json("plot", _adapter, "-o", file, "--json");
        Assert.Equal(("adapter", file), (json.RootElement.GetProperty("kind").GetString(), json.RootElement.GetProperty("output").GetString()));
        string[] texts = Texts(file);
        Assert.All((string[])["q_proj", "down_proj", "layer", "norm of the filter, its gate weight included"], t => Assert.Contains(t, texts));
        // Two layers, seven kinds, three filters, twice; with one filter only norms, and one scale of colours less.
        Assert.Equal(2 * 7 * 3 * 2, Rectangles(file) - Rectangles(Drawn("single.svg", Path.Combine(_world.Path("other-run"), "adapter"))) + 2 * 7 - ColorSteps);
        Assert.DoesNotContain("gate weight, equal shares are 1/1", Texts(_world.Path("single.svg")));
    }

    [Fact]
    public void Runs_are_drawn_alone_or_together()
    {
        string[] one = Texts(Drawn("one.svg", _run)), two = Texts(Drawn("two.svg", _run, _world.Path("other-run"), "--smooth", "0.5"));
        Assert.All((string[])["run", "each step", "running mean", "held out", "loss, nats a token"], t => Assert.Contains(t, one));
        Assert.All((string[])["run", "other-run", "held out", "step"], t => Assert.Contains(t, two));
        using JsonDocument json = Json("plot", _run, _world.Path("other-run"), "-o", _world.Path("two.svg"), "--force", "--smooth", "0", "--json");
        double last = File.ReadLines(Path.Combine(_run, "metrics.jsonl")).Select(l => JsonDocument.Parse(l).RootElement).Where(l => l.TryGetProperty("loss", out _)).Last().GetProperty("loss").GetDouble();
        Assert.Equal(last, json.RootElement.GetProperty("runs")[0].GetProperty("last_running_mean").GetDouble(), 1e-12);
    }

    [Theory]
    [InlineData("option '--out' is required", "shapes", "--in", "8")]
    [InlineData("--in must be a whole number from 1", "shapes", "--in", "0", "--out", "8")]
    [InlineData("--min-rank must be at most 8", "shapes", "--in", "16", "--out", "8", "--min-rank", "9")]
    [InlineData("--budget must be at least 48", "shapes", "--in", "16", "--out", "8", "--filters", "2", "--budget", "9")]
    [InlineData("--budget must be at least 144", "shapes", "--in", "13", "--out", "11", "--filters", "1", "--min-rank", "3", "--budget", "129")]
    [InlineData("needs a PATH", "inspect")]
    [InlineData("add --adapter-plan", "inspect", "--shape", "llama-2-7b")]
    [InlineData("add --adapter-plan", "inspect", "x", "--rank", "4")]
    [InlineData("got neither", "inspect", "--adapter-plan")]
    [InlineData("got both", "inspect", "x", "--shape", "llama-2-7b", "--adapter-plan")]
    [InlineData("--shape must be one of", "inspect", "--shape", "llama-9", "--adapter-plan")]
    [InlineData("Targets", "inspect", "--shape", "llama-2-7b", "--adapter-plan", "--targets", "q,z")]
    [InlineData("--smooth must be", "plot", "x", "--smooth", "1")]
    [InlineData("required argument 'PATH'", "plot")]
    public void Wrong_usage_is_one_line(string part, params string[] arguments) => Refused(2, part, arguments);

    [Fact]
    public void Pictures_are_refused_where_they_would_destroy_or_cannot_be()
    {
        Refused(2, "one adapter", "plot", _adapter, _run);
        Refused(2, "end in .svg", "plot", _run, "-o", _world.Path("loss.png"));
        Refused(2, "--force", "plot", _run, "-o", Path.Combine(_run, "loss.svg"));
        Refused(3, "nowhere", "plot", _world.Path("nowhere"));
        Refused(3, "nowhere", "inspect", _world.Path("nowhere"), "--adapter-plan");
        Refused(3, "line 2", "plot", Damaged("damaged", "{\"step\":1,\"loss\":2}\n{\"step\":2,\"loss\":\"x\"}\n"));
        Refused(3, "line 1", "plot", Damaged("cut", "{\"step\":1,\"lo"));
        Refused(3, "at least one step", "plot", Damaged("unbegun", ""));
    }

    private string Damaged(string name, string metrics)
    {
        Directory.CreateDirectory(_world.Path(name));
        _world.File(Path.Combine(name, "metrics.jsonl"), metrics);
        return _world.Path(name);
    }

    private string Drawn(string name, params string[] arguments)
    {
        Assert.Equal(0, _world.Run(["plot", .. arguments, "-o", _world.Path(name), "--force"]).Code);
        return _world.Path(name);
    }

    private static string[] Texts(string svg) => [.. XDocument.Parse(File.ReadAllText(svg)).Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value)];

    private static int Rectangles(string svg) => XDocument.Parse(File.ReadAllText(svg)).Descendants().Count(e => e.Name.LocalName == "rect" && e.Parent!.Name.LocalName != "clipPath");

    private JsonDocument Json(params string[] arguments)
    {
        CliResult result = _world.Run(arguments);
        Assert.Equal((0, ""), (result.Code, result.Error));
        return JsonDocument.Parse(result.Out);
    }

    private void Refused(int code, string part, params string[] arguments)
    {
        string[] before = _world.Everything();
        CliResult result = _world.Run(arguments);
        Assert.Equal((code, ""), (result.Code, result.Out));
        Assert.Contains(part, Assert.Single(result.ErrorLines));
        Assert.Equal(before, _world.Everything());
    }
}
