using MoKA.Native.Llama.Checkpoints;

namespace MoKA.Native.Tests.Llama.Checkpoints;

/// <summary>No output costs a source: not by its name, not through links, and nothing else is refused.</summary>
public sealed class OutputPlaceTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public OutputPlaceTests()
    {
        Directory.CreateDirectory(_folder.File("models/base"));
        Directory.CreateDirectory(_folder.File("store"));
        foreach (string file in (string[])["models/base/config.json", "models/one.gguf", "models/model.safetensors", "store/model.safetensors", "store/blob"]) File.WriteAllText(_folder.File(file), "kept");
        File.CreateSymbolicLink(_folder.File("models/base/model.safetensors"), "../../store/model.safetensors");
        File.CreateSymbolicLink(_folder.File("models/base/tokenizer.json"), _folder.File("store/blob"));
        Directory.CreateSymbolicLink(_folder.File("link"), _folder.File("models"));
        Directory.CreateSymbolicLink(_folder.File("twice"), "link");
        File.CreateSymbolicLink(_folder.File("two.gguf"), _folder.File("models/one.gguf"));
        File.CreateSymbolicLink(_folder.File("circle"), _folder.File("round"));
        File.CreateSymbolicLink(_folder.File("round"), _folder.File("circle"));
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("models/base", "models/base")]
    [InlineData("models/base/", "models/base")]
    [InlineData("models/base/inside", "models/base")]
    [InlineData("models", "models/base")]
    [InlineData("", "models/base")]
    [InlineData("link/base", "models/base")]
    [InlineData("twice/base", "models/base")]
    [InlineData("models/base", "twice/base/")]
    [InlineData("twice/base/new/deep", "models/base")]
    [InlineData("twice", "models/base")]
    [InlineData("store", "models/base")]
    [InlineData("store/blob", "models/base")]
    [InlineData("store/blob", "link/base")]
    [InlineData("models/one.gguf", "models/one.gguf")]
    [InlineData("models/one.gguf", "two.gguf")]
    [InlineData("link/one.gguf", "two.gguf")]
    [InlineData("two.gguf", "models/one.gguf")]
    [InlineData("link", "models/model.safetensors")]
    public void What_could_cost_a_source_is_refused(string output, string source) =>
        ErrorLine.Of(() => OutputPlace.RequireApart(_folder.File(output), _folder.File("elsewhere"), _folder.File(source)), "apart", source);

    [Theory]
    [InlineData("models/base2", "models/base")]
    [InlineData("new", "models/base")]
    [InlineData("link/new", "models/base")]
    [InlineData("models", "models/one.gguf")]
    [InlineData("twice", "two.gguf")]
    [InlineData("models/new.gguf", "models/one.gguf")]
    [InlineData("", "models/model.safetensors")]
    [InlineData("store/new", "models/base")]
    public void What_costs_none_is_not(string output, string source) => OutputPlace.RequireApart(_folder.File(output), _folder.File(source));

    [Fact]
    public void Links_in_a_circle_are_named() => ErrorLine.Of(() => OutputPlace.RequireApart(_folder.File("circle/out"), _folder.File("models/base")), "circle");
}
