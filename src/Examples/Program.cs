using MoKA.Native.Examples;

switch (args)
{
    case ["01"]:
        TapeExample.Run(Console.Out);
        break;
    case ["02"]:
        KroneckerExample.Run(Console.Out);
        break;
    case ["03", string baseFolder, string alpacaFile, string adapterFolder]:
        FineTuneExample.Run(Console.Out, baseFolder, alpacaFile, adapterFolder);
        break;
    default:
        Console.WriteLine("""
            01                                              a gradient, and an op of one's own
            02                                              a mixture of Kronecker filters
            03 <base folder> <alpaca file> <adapter folder> fine-tune a model and ask it
            """);
        break;
}
