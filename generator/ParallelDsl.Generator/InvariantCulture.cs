// RS1035 bans the current culture because it makes output differ between machines; setting the invariant one is the cure.
#pragma warning disable RS1035
using System.Globalization;

namespace ParallelDsl.Generator;

/// <summary>While it is not disposed, the thread's culture is the invariant one, so that no text or number depends on the developer's
/// machine.</summary>
internal readonly struct InvariantCulture : IDisposable
{
    private readonly CultureInfo _previous;

    private InvariantCulture(CultureInfo previous) => _previous = previous;

    public static InvariantCulture Enter()
    {
        InvariantCulture scope = new(CultureInfo.CurrentCulture);
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        return scope;
    }

    public void Dispose() => CultureInfo.CurrentCulture = _previous;
}
