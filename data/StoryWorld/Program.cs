using System.Globalization;
using MoKA.Native.Checkpoints;
using StoryWorld;

if (args is [string plainFolder, "--plain", string number] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int stories))
{
    Directory.CreateDirectory(plainFolder);
    AtomicFile.WriteText(Path.Combine(plainFolder, "plain-stories.txt"), PlainStories.WriteAll(Splits.PlainSeed, stories));
    return 0;
}

if (args is [string corpusFolder, "--corpus", string cased, string lower])
{
    if (Array.Find([cased, lower], path => !File.Exists(path)) is { } missing)
    {
        Console.Error.WriteLine($"StoryWorld: {missing}: there is no such file; name the cased and the lower-cased stories.");
        return 3;
    }

    (List<string> training, List<string> heldOut) = Corpus.Build(File.ReadAllText(cased), File.ReadAllText(lower));
    Directory.CreateDirectory(corpusFolder);
    foreach ((string name, List<string> texts) in (ReadOnlySpan<(string, List<string>)>)[("tinystories", training), ("held-out", heldOut)])
    {
        AtomicFile.WriteText(Path.Combine(corpusFolder, $"{name}.txt"), string.Concat(texts.Select(text => $"{text}\n{Corpus.EndOfText}\n")));
    }

    return 0;
}

if (args is not [string folder])
{
    Console.Error.WriteLine("usage: StoryWorld OUTDIR [--plain COUNT | --corpus CASED LOWER]");
    return 2;
}

Directory.CreateDirectory(folder);
foreach ((string name, StoryRecord[] records) in (ReadOnlySpan<(string, StoryRecord[])>)[("train", Splits.Train()), ("test", Splits.Test())])
{
    AtomicFile.WriteText(Path.Combine(folder, $"{name}.json"), TaskFile.ToJson(records));
    Console.WriteLine($"{name,-12} count  chance  majority  first  last");
    foreach (Kind kind in Enum.GetValues<Kind>())
    {
        Baselines score = Baselines.Of(kind, records);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {kind,-10} {score.Count,5}  {score.Chance,6:0.000}  {score.Majority,8:0.000}  {score.First,5:0.000}  {score.Last,4:0.000}"));
    }
}

return 0;
