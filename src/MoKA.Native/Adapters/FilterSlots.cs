using System.Runtime.CompilerServices;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;

namespace MoKA.Native.Adapters;

/// <summary>
/// Room for the filter of each call of an adapter in one pass, since what an op recorded refers to it until the way back.
/// Later passes use the same room again, so a loop that repeats its passes puts nothing on the managed heap.
/// </summary>
internal sealed class FilterSlots
{
    private readonly ConditionalWeakTable<Tape, Rooms> _rooms = [];

    /// <summary>A filter in a room that no other call of this tape's pass has.</summary>
    public ReadOnlyMemory<KroneckerFilter> Take(Tape tape, KroneckerFilter filter)
    {
        KroneckerFilter[] room = _rooms.GetValue(tape, static _ => new Rooms()).Next(tape.Pass);
        room[0] = filter;
        return room;
    }

    private sealed class Rooms
    {
        private readonly List<KroneckerFilter[]> _all = [];
        private long _pass = -1;
        private int _taken;

        public KroneckerFilter[] Next(long pass)
        {
            if (pass != _pass) (_pass, _taken) = (pass, 0);
            if (_taken == _all.Count) _all.Add(new KroneckerFilter[1]);
            return _all[_taken++];
        }
    }
}
