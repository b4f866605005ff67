using System.Runtime.InteropServices;

namespace MoKA.Native.Cli;

/// <summary>
/// Ctrl-C and SIGTERM: the first asks the work to stop at a good place, the second ends the process. A command that talks
/// narrows that: while it answers, Ctrl-C stops the answer alone; while it waits for the user, it ends the process at once.
/// </summary>
internal sealed class Interrupt : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;
    private readonly Lock _lock = new();
    private CancellationTokenSource? _answer;
    private bool _waiting;

    public Interrupt() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = Ask()),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => context.Cancel = Stop()),
    ];

    public CancellationToken Token => _source.Token;

    /// <summary>What Ctrl-C does; false when the process is to end.</summary>
    public bool Ask()
    {
        lock (_lock)
        {
            if (_answer is not { IsCancellationRequested: false } answer) return Stop();
            answer.Cancel();
            return true;
        }
    }

    /// <summary>Runs work that Ctrl-C stops by itself: the process goes on.</summary>
    public void Answer(Action<CancellationToken> work)
    {
        using CancellationTokenSource answer = CancellationTokenSource.CreateLinkedTokenSource(_source.Token);
        lock (_lock) _answer = answer;
        try
        {
            work(answer.Token);
        }
        finally
        {
            lock (_lock) _answer = null;
        }
    }

    /// <summary>Waits for the user; whatever asks meanwhile ends the process, for nothing is lost.</summary>
    public T Wait<T>(Func<T> read)
    {
        lock (_lock) _waiting = true;
        try
        {
            return read();
        }
        finally
        {
            lock (_lock) _waiting = false;
        }
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations) registration.Dispose();
        _source.Dispose();
    }

    private bool Stop()
    {
        lock (_lock)
        {
            if (_waiting || _source.IsCancellationRequested) return false;
            _source.Cancel();
            return true;
        }
    }
}
