using MoKA.Native.Cli;

using Interrupt interrupt = new();
return Moka.Run(args, Terminal.OfProcess(), interrupt.Token, interrupt);
