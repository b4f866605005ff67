using MoKA.Native.Checkpoints;

namespace MoKA.Native.Tests.Golden;

/// <summary>Opens the tensors that <c>make_goldens.py</c> wrote.</summary>
internal static class GoldenFile
{
    /// <summary>Opens <c>golden-{name}.safetensors</c>.</summary>
    public static SafetensorsFile Open(string name) =>
        new(Path.Combine(AppContext.BaseDirectory, "Golden", $"golden-{name}.safetensors"));

    /// <summary>A whole tensor as floats, row-major.</summary>
    public static float[] Floats(this SafetensorsFile file, string name)
    {
        var values = new float[file.Entry(name).ElementCount];
        file.ReadFloats(name, values);
        return values;
    }
}
