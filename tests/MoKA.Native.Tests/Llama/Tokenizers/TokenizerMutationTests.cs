using System.Text;
using FsCheck.Xunit;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Tests.Checkpoints;

namespace MoKA.Native.Tests.Llama.Tokenizers;

/// <summary>A tokenizer's file with something changed is read or refused in one line, within memory bounded by its own length.</summary>
public sealed class TokenizerMutationTests
{
    private const int Mutants = 10_000;

    // What a whole vocabulary needs, however little of a file is left: 256 special tokens, tables, JSON's own buffers.
    private const int FixedBytes = 300_000, BytesForEachByte = 60;

    private static readonly byte[] SentencePieceJson = Saved(TokenizerTrainer.Train(["ab the ab"], 268));
    private static readonly byte[] ByteLevelJson = Encoding.UTF8.GetBytes(TokenizerFiles.ByteLevelJson(
        ["a b", "Ġ ab", "l l"], ignoreMerges: true, added: TokenizerFiles.AddedToken(259, "<s>", true) + ", " + TokenizerFiles.AddedToken(260, "<x>", false)));
    private static readonly byte[] Model = TokenizerFiles.Model([.. TokenizerFiles.FewPieces, ("own", 0, 4), ("▁ab", -7, 5), .. Enumerable.Range(0, 256).Select(value => (Llama2Layout.BytePiece(value), 0f, 6))]);
    private static readonly byte[] Ranks = TokenizerFiles.Ranks("ab", " ab", "the", "漢");
    private static readonly byte[] Bin = TokenizerFiles.Llama2c(" ", "a", "b", "ab", " ab");

    [Property(MaxTest = Mutants, Arbitrary = [typeof(Mutant.Arbitraries)])]
    public void OfSentencePieceJson(Mutant mutant) => Judge(mutant, SentencePieceJson);

    [Property(MaxTest = Mutants, Arbitrary = [typeof(Mutant.Arbitraries)])]
    public void OfByteLevelJson(Mutant mutant) => Judge(mutant, ByteLevelJson);

    [Property(MaxTest = Mutants, Arbitrary = [typeof(Mutant.Arbitraries)])]
    public void OfModels(Mutant mutant) => Judge(mutant, Model);

    [Property(MaxTest = Mutants, Arbitrary = [typeof(Mutant.Arbitraries)])]
    public void OfRanks(Mutant mutant) => Judge(mutant, Ranks);

    [Property(MaxTest = Mutants, Arbitrary = [typeof(Mutant.Arbitraries)])]
    public void OfBins(Mutant mutant) => Judge(mutant, Bin);

    [Fact]
    public void TheFilesThemselvesAreRead()
    {
        foreach (byte[] file in (byte[][])[SentencePieceJson, ByteLevelJson, Model, Ranks, Bin])
            Assert.NotEmpty(TokenizerFile.Parse(file, "the file").Encode("ab ab"));
    }

    [Fact]
    public void PiecesMadeToCollideAreRefused()
    {
        // Keys that the table's multiplication turns into 0, 1, 2...: all of them fall on the first place.
        const ulong inverse = 0xF1DE_83E1_9937_733D;
        Assert.Equal(1ul, unchecked(inverse * 0x9E37_79B9_7F4A_7C15));
        Merge[] hostile = [.. Enumerable.Range(0, 100_000).Select(i => unchecked((ulong)i * inverse)).Where(key => (long)key >= 0 && (int)key >= 0).Select(key => new Merge((int)(key >> 32), (int)key, 0, 0))];
        Assert.True(hostile.Length > 10_000);
        ErrorLine.Of(() => new MergeTable(hostile), "waste time");
    }

    private void Judge(Mutant mutant, byte[] valid)
    {
        byte[] file = mutant.Apply(valid);
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            Tokenizer tokenizer = TokenizerFile.Parse(file, "the file");
            int[] ids = tokenizer.Encode("ab the<s>ab 漢\n", addBos: true, parseSpecial: true);
            Assert.All(ids, id => Assert.InRange(id, 0, tokenizer.VocabularySize - 1));
            tokenizer.Decode(ids);
        }
        catch (MokaException e)
        {
            Assert.StartsWith("the file: ", ErrorLine.Judge(e));
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, FixedBytes + BytesForEachByte * file.Length);
    }

    private static byte[] Saved(Tokenizer tokenizer)
    {
        using MemoryStream stream = new();
        TokenizerJson.Write(tokenizer, stream);
        return stream.ToArray();
    }
}
