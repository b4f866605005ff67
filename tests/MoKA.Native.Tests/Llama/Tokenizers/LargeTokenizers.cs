using System.Collections.Concurrent;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Tokenizers;

/// <summary>The published tokenizers, read once for all tests.</summary>
internal static class LargeTokenizers
{
    private static readonly ConcurrentDictionary<string, Tokenizer> Loaded = new();

    public static Tokenizer Load(string file) => Loaded.GetOrAdd(Fixtures.Require("tokenizers/" + file), path => TokenizerFile.Load(path));
}
