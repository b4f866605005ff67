using FsCheck.Xunit;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Tests.Checkpoints;

/// <summary>A valid GGUF file with something changed is read or refused, within memory bounded by its own length.</summary>
public sealed class GgufMutationTests : IDisposable
{
    private const int Mutants = 10_000;

    private static readonly byte[] Valid = new GgufBytes()
        .Add("general.architecture", "llama").Add("general.alignment", 32u).Add("f", 1.5f).Add("flag", true)
        .Add("tokens", "<unk>", "▁a", "b", "").Add("scores", 0f, -1f, -2f, -3f).Add("types", 1, 2, 3, 6)
        .Raw("wide", GgufValueType.UInt64, BitConverter.GetBytes(1UL << 33)).Raw("double", GgufValueType.Float64, BitConverter.GetBytes(2.5))
        .Tensor("a.weight", GgmlType.F32, [4, 3], new byte[48]).Tensor("b.weight", GgmlType.Q4_0, [64], new byte[36]).Tensor("c", GgmlType.I8, [1, 1, 5], new byte[5])
        .ToArray();

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Property(Arbitrary = [typeof(BinaryMutant.Arbitraries)], MaxTest = Mutants)]
    public void EveryMutantIsReadOrRefused(BinaryMutant mutation)
    {
        byte[] mutant = mutation.Apply(Valid, header: Valid.Length);
        string path = _folder.File("m", mutant);
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using GgufFile file = new(path);
            foreach (GgufTensor tensor in file.Tensors.Values) Assert.Equal(tensor.ByteLength, file.Bytes(tensor.Name).Length);
            foreach (string key in file.Metadata.Keys) Read(file.Metadata, key);
        }
        catch (MokaException e)
        {
            ErrorLine.Judge(e);
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000 + 100 * mutant.Length);
    }

    private static void Read(GgufMetadata metadata, string key)
    {
        try
        {
            object? value = metadata.TypeOf(key) switch
            {
                GgufValueType.String => metadata.Text(key),
                GgufValueType.Float32 or GgufValueType.Float64 => metadata.Number(key),
                GgufValueType.Bool => metadata.Flag(key),
                GgufValueType.Array => key == "tokens" ? metadata.Texts(key) : key == "scores" ? metadata.Numbers(key) : metadata.Integers(key),
                _ => metadata.Integer(key),
            };
            Assert.NotNull(value);
        }
        catch (MokaException e)
        {
            ErrorLine.Judge(e);
        }
    }
}
