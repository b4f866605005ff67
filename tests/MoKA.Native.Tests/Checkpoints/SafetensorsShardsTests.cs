using System.Text;
using FsCheck.Xunit;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Tests.Checkpoints;

/// <summary>Tensors of several files behind one index: found where the index says, and nowhere else.</summary>
public sealed class SafetensorsShardsTests : IDisposable
{
    private const string Index = "model.safetensors.index.json";
    private readonly TempFolder _folder = new();

    public SafetensorsShardsTests()
    {
        Save("one", ("a", [1, 2]), ("b", [3]));
        Save("two.safetensors", ("c", [4, 5, 6]), ("a", [7, 8]));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void EveryTensorComesFromTheFileThatTheIndexNames()
    {
        using SafetensorsShards shards = Open("""{"metadata":{"total_size":1},"weight_map":{"a":"two.safetensors","b":"one","c":"two.safetensors"}}""");
        Assert.Equal(["a", "b", "c"], shards.Tensors.Keys.Order());
        Assert.Equal([7f, 8f], Floats(shards, "a"));
        Assert.Equal([3f], Floats(shards, "b"));
        Assert.Equal([4f, 5f, 6f], Floats(shards, "c"));
        Assert.Equal(_folder.File("one"), shards.PathOf("b"));
        Assert.Equal([_folder.File("one"), _folder.File("two.safetensors")], shards.Files);
    }

    [Fact]
    public void WhatTheIndexDoesNotNameIsNotThere()
    {
        using SafetensorsShards shards = Open("""{"weight_map":{"b":"one"}}""");
        Assert.Single(shards.Tensors);
        ErrorLine.Of(() => shards.Entry("c"), "'c'");
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":"../one"}}""", "its own folder")]
    [InlineData("""{"weight_map":{"a":"/etc/passwd"}}""", "its own folder")]
    [InlineData("""{"weight_map":{"a":"sub/one"}}""", "its own folder")]
    [InlineData("""{"weight_map":{"a":"c:\\one"}}""", "its own folder")]
    [InlineData("""{"weight_map":{"a":".."}}""", "its own folder")]
    [InlineData("""{"weight_map":{"a":""}}""", "its own folder")]
    [InlineData("""{"weight_map":{"a":"absent"}}""", "absent")]
    [InlineData("""{"weight_map":{"d":"one"}}""", "'d' must be in 'one'")]
    [InlineData("""{"weight_map":{"a":1}}""", "a file's name")]
    [InlineData("""{"weight_map":[]}""", "weight_map")]
    [InlineData("""{"weight_map":{"a":"one","a":"two.safetensors"}}""", "repeated keys")]
    [InlineData("""{}""", "weight_map")]
    [InlineData("""[]""", "weight_map")]
    [InlineData("", "JSON")]
    public void ABadIndexIsRefused(string index, string named) => ErrorLine.Of(() => Open(index), named);

    [Property(MaxTest = 10_000, Arbitrary = [typeof(Mutant.Arbitraries)])]
    public void EveryMutantOfTheIndexIsReadOrRefused(Mutant mutant)
    {
        byte[] index = mutant.Apply(Encoding.UTF8.GetBytes("""{"metadata":{"total_size":36},"weight_map":{"a":"one","b":"one","c":"two.safetensors"}}"""));
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using SafetensorsShards shards = new(_folder.File(Index, index));
            Assert.InRange(shards.Tensors.Count, 0, 3);
        }
        catch (MokaException error)
        {
            ErrorLine.Judge(error);
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 400_000 + 100 * index.Length);
    }

    private static float[] Floats(SafetensorsReader reader, string name)
    {
        float[] floats = new float[reader.Entry(name).ElementCount];
        reader.ReadFloats(name, floats);
        return floats;
    }

    private SafetensorsShards Open(string index) => new(_folder.File(Index, Encoding.UTF8.GetBytes(index)));

    private void Save(string name, params (string Name, float[] Values)[] tensors)
    {
        SafetensorsWriter writer = new();
        foreach ((string tensor, float[] values) in tensors) writer.Add(tensor, [values.Length], values);
        writer.Save(_folder.File(name));
    }
}
