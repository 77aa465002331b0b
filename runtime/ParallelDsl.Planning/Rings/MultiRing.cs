using static System.FormattableString;

namespace ParallelDsl.Planning.Rings;

/// <summary>How keys and values travel along a ring set, as a table: what every rank sends, receives and holds in every iteration (after
/// TASP, arXiv 2509.26541; lengths, pairwise ways and sets with fewer rings are ours).</summary>
/// <remarks>
/// <para>In iteration t = 0..n-1 a rank holds one part of keys and values in each slot, and computes with it while the part of iteration t
/// + 1 is on its way: it sends slot c to <see cref="Next"/> and receives slot c from <see cref="Previous"/>. Iteration 0 is its own. In
/// every iteration each part is at exactly one rank, and after all of them it was once at each.</para>
/// <para>On rings a rank passes on what it holds. Of pairwise ways it sends its own part again, which <see cref="Forwards"/> says; of the
/// n - 1 ranks that a slot goes to, round t takes one, another for every slot.</para>
/// <para>Back-propagation runs the iterations again, the gradient of a part one iteration behind it (<see cref="Itinerary"/>).</para>
/// </remarks>
public sealed class MultiRing
{
    private readonly int[] _places;

    /// <param name="set">The ways.</param>
    /// <exception cref="ArgumentException">The set is not sound, or has paths that do not close.</exception>
    public MultiRing(RingSet set)
    {
        RingSetCheck check = set.Verify();
        if (!check.IsVerified || !set.IsClosed)
        {
            throw new ArgumentException(
                "keys and values cannot travel along these rings: " + (check.IsVerified ? "paths of one node do not close" : check.Faults[0]), nameof(set));
        }

        Set = set;
        // The place of every rank on every ring.
        _places = new int[set.Rings.Count * set.Devices];
        for (int ring = 0; ring < set.Rings.Count; ring++)
        {
            for (int place = 0; place < set.Devices; place++)
                _places[(ring * set.Devices) + set.Rings[ring][place]] = place;
        }
    }

    /// <summary>The ways.</summary>
    public RingSet Set { get; }

    /// <summary>n, how many ranks.</summary>
    public int Ranks => Set.Devices;

    /// <summary>Into how many parts keys and values of a rank are cut.</summary>
    public int Slots => Set.Slots;

    /// <summary>How many times a rank computes; transfers are one less.</summary>
    public int Iterations => Set.Devices;

    /// <summary>Whether a rank passes on what it holds, or sends its own part in every iteration.</summary>
    public bool Forwards => Set.Kind != RingSetKind.Pairwise;

    /// <summary>The rank whose part is in a slot.</summary>
    /// <param name="iteration">t, from 0 to n - 1.</param>
    /// <param name="rank">Who holds it.</param>
    /// <param name="slot">In which slot.</param>
    public int Origin(int iteration, int rank, int slot)
    {
        Check(iteration, rank, slot, Iterations);
        return At(rank, slot, Forwards ? -iteration : -Distance(iteration, slot));
    }

    /// <summary>To whom a rank sends in a slot during an iteration.</summary>
    /// <param name="iteration">t, from 0 to n - 2: what arrives is held in t + 1.</param>
    /// <param name="rank">Who sends.</param>
    /// <param name="slot">In which slot.</param>
    public int Next(int iteration, int rank, int slot)
    {
        Check(iteration, rank, slot, Iterations - 1);
        return At(rank, slot, Forwards ? 1 : Distance(iteration + 1, slot));
    }

    /// <summary>From whom a rank receives in a slot during an iteration.</summary>
    /// <param name="iteration">t, from 0 to n - 2: what arrives is held in t + 1.</param>
    /// <param name="rank">Who receives.</param>
    /// <param name="slot">In which slot.</param>
    public int Previous(int iteration, int rank, int slot)
    {
        Check(iteration, rank, slot, Iterations - 1);
        return At(rank, slot, Forwards ? -1 : -Distance(iteration + 1, slot));
    }

    // How far a part has gone. No two slots have gone equally far, so every link carries one.
    private int Distance(int iteration, int slot) => iteration == 0 ? 0 : 1 + ((iteration - 1 + slot) % (Ranks - 1));

    private int At(int rank, int slot, int steps)
    {
        if (!Forwards)
            return (rank + steps + Ranks) % Ranks;
        int place = _places[(slot * Ranks) + rank] + steps;
        return Set.Rings[slot].Items[(place + Ranks) % Ranks];
    }

    private void Check(int iteration, int rank, int slot, int iterations)
    {
        if (iteration < 0 || iteration >= iterations)
            throw new ArgumentOutOfRangeException(nameof(iteration), Invariant($"iteration {iteration} of {iterations}"));
        if (rank < 0 || rank >= Ranks)
            throw new ArgumentOutOfRangeException(nameof(rank), Invariant($"rank {rank} of {Ranks}"));
        if (slot < 0 || slot >= Slots)
            throw new ArgumentOutOfRangeException(nameof(slot), Invariant($"slot {slot} of {Slots}"));
    }
}
