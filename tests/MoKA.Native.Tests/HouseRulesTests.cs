using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests;

/// <summary>The architecture's rules that a compiler does not check.</summary>
public sealed class HouseRulesTests
{
    private const string Core = "src/MoKA.Native/", Llama = "src/MoKA.Native.Llama/", Kernels = Core + "Kernels/";
    private static readonly Assembly[] Libraries = [typeof(Tensor).Assembly, typeof(Tokenizer).Assembly];

    // A serialiser with generated metadata (X.Default.Type) reflects nothing.
    [SkippableTheory]
    [InlineData("kernels see spans and integers", Kernels, @"\b(Tensor|Tape|Parameter|INode|Op)\b|Native\.(Ops|Autograd|Nn|Adapters|Quantization)\b")]
    [InlineData("the tape names no op", Core + "Autograd/", @"Native\.(Ops|Kernels|Quantization|Nn|Adapters)\b|\bOp\.")]
    [InlineData("ops name no module", Core + "Ops/", @"Native\.(Nn|Adapters|Optim|Checkpoints|Llama)\b|\b(ILinear|ITokenTable|Linear|FrozenLinear|Projection)\b")]
    [InlineData("modules call ops, not kernels", Core + "Nn/", @"Native\.(Kernels|Adapters|Llama)\b")]
    [InlineData("adapters call ops, not kernels", Core + "Adapters/", @"Native\.(Kernels|Llama)\b")]
    [InlineData("an adapter never asks what its base is", Core + "Adapters/", @"\b(is|as|case)\s+(not\s+)?(Linear|FrozenLinear)\b|\b(Frozen|Block|Codebook)Matrix\b")]
    [InlineData("the core knows no model", Core, @"Native\.Llama\b")]
    [InlineData("random numbers come from seeds, time is not read", Core, @"new Random\(|Random\.Shared|DateTime(Offset)?\.(Now|UtcNow|Today)")]
    [InlineData("random numbers come from seeds, time is not read", Llama, @"new Random\(|Random\.Shared|DateTime(Offset)?\.(Now|UtcNow|Today)")]
    [InlineData("nothing is reflected or emitted", Core, @"System\.Reflection|\.GetType\(\)|Activator\.|JsonSerializer\.(?!.*\w+\.Default\.)|\bdynamic\b|\.Compile\(\)")]
    [InlineData("nothing is reflected or emitted", Llama, @"System\.Reflection|\.GetType\(\)|Activator\.|JsonSerializer\.(?!.*\w+\.Default\.)|\bdynamic\b|\.Compile\(\)")]
    [InlineData("names stand without this, regions or promises", "src/", @"\bthis\.|#region|\b(TODO|FIXME|HACK)\b")]
    public void Never(string rule, string folder, string pattern) => Empty(rule, SourceTree.Under(folder).Lines(new Regex(pattern)));

    [SkippableTheory]
    [InlineData("vector instructions stay in the kernels", @"Runtime\.Intrinsics|\bVector(64|128|256|512)\b", Kernels)]
    [InlineData("in the libraries only the instruction set reads the environment", @"GetEnvironmentVariable", Kernels + "InstructionSet.cs|src/MoKA.Native.Cli/")]
    [InlineData(
        "names of checkpoint formats stay in the name tables",
        @"self_attn|[qkvo]_proj|(gate|up|down)_proj|embed_tokens|input_layernorm|post_attention_layernorm|lm_head|\bblk\.|attn_[qkv]\b|ffn_(gate|up|down)", Llama + "Checkpoints/")]
    public void OnlyIn(string rule, string pattern, string homes) =>
        Empty(rule, SourceTree.Under("src/").Where(file => !homes.Split('|').Any(home => file.Name.StartsWith(home, StringComparison.Ordinal))).Lines(new Regex(pattern)));

    [SkippableTheory]
    [InlineData("src/")]
    [InlineData("tests/")]
    [InlineData("bench/")]
    [InlineData("Examples/")]
    public void AFileIsAnIdea(string folder) =>
        Empty("a file has at most 400 lines", SourceTree.Under(folder).Where(file => file.Text.Count(c => c == '\n') > 400).Select(file => file.Name));

    [SkippableFact]
    public void TheScanSeesTheSources()
    {
        Assert.InRange(SourceTree.Under("src/").Count, 40, 1000);
        Assert.NotEmpty(SourceTree.Under(Kernels).Lines(new Regex(@"Runtime\.Intrinsics")));
        Assert.Empty(SourceTree.Under(Kernels).Lines(new Regex("///")));
    }

    [SkippableFact]
    public void TheCoreNeedsOnePackageAndTheModelsNeedTheCore()
    {
        Assert.Equal(["PackageReference System.Numerics.Tensors"], References(Core + "MoKA.Native.csproj"));
        Assert.Equal(["ProjectReference ../MoKA.Native/MoKA.Native.csproj"], References(Llama + "MoKA.Native.Llama.csproj"));
        Assert.All(typeof(Tensor).Assembly.GetReferencedAssemblies(), assembly => Assert.StartsWith("System.", assembly.Name));
    }

    [Fact]
    public void KernelsAreNotPublic() =>
        Empty("kernels are internal", typeof(Tensor).Assembly.GetExportedTypes().Where(type => type.Namespace == "MoKA.Native.Kernels").Select(type => type.FullName!));

    [Fact]
    public void NothingIsKeptInStaticState()
    {
        // Types the compiler makes for lambdas keep their delegates; their names begin with <>.
        const BindingFlags statics = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        Empty("static fields are read-only", from type in Types()
                                             where !type.Name.StartsWith("<>", StringComparison.Ordinal)
                                             from field in type.GetFields(statics)
                                             where !field.IsInitOnly && !field.IsLiteral
                                             select $"{type}.{field.Name}");
    }

    [Fact]
    public void AnInterfaceHasSeveralImplementations() =>
        Empty("no interface with one implementation", from contract in Types()
                                                      where contract.IsInterface
                                                      where Types().Count(type => !type.IsInterface && type.GetInterfaces().Any(i => Definition(i) == contract)) < 2
                                                      select contract.FullName);

    private static IEnumerable<Type> Types() => Libraries.SelectMany(assembly => assembly.GetTypes());

    private static Type Definition(Type type) => type.IsGenericType ? type.GetGenericTypeDefinition() : type;

    private static IEnumerable<string> References(string project) => XDocument.Parse(SourceTree.Read(project)).Descendants()
        .Where(element => element.Name.LocalName is "PackageReference" or "ProjectReference").Select(element => $"{element.Name} {element.Attribute("Include")!.Value}");

    private static void Empty(string rule, IEnumerable<string> breaches)
    {
        string[] found = [.. breaches];
        Assert.True(found.Length == 0, $"{rule}:\n{string.Join('\n', found)}");
    }
}
