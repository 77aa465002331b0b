using static System.FormattableString;

namespace ParallelDsl.Planning.Rings;

/// <summary>Ways for keys and values that share no link, so that all of them are used at once (after TASP, arXiv 2509.26541). Every way is
/// a slot: a rank holds one part of keys and values in each and passes it on along it.</summary>
/// <param name="Kind">What the ways are.</param>
/// <param name="Devices">n, how many devices.</param>
/// <param name="Nodes">Over how many nodes the devices are spread evenly, in order; 1 where that makes no difference.</param>
/// <param name="Rings">The devices of each ring in the order of travel. Closed, the first follows the last, but for paths on a single node.
/// Empty for <see cref="RingSetKind.Pairwise"/>.</param>
public sealed record RingSet(RingSetKind Kind, int Devices, int Nodes, EquatableArray<EquatableArray<int>> Rings)
{
    /// <summary>Into how many parts a rank's keys and values are cut: one for each ring.</summary>
    public int Slots => Kind == RingSetKind.Pairwise ? Devices - 1 : Rings.Count;

    /// <summary>Devices of a node.</summary>
    public int DevicesPerNode => Devices / Nodes;

    /// <summary>Whether the last device of a ring sends to the first.</summary>
    public bool IsClosed => Kind != RingSetKind.Paths || Nodes > 1;

    /// <summary>The most cycles of <paramref name="devices"/> devices that share no arc: n - 1, but 2 of 4 devices and 4 of 6 (Bermond and
    /// Faber, 1976; Tillson, 1980; both exceptions also found by trying all).</summary>
    public static int MostCycles(int devices) => devices switch
    {
        < 2 => 0,
        4 => 2,
        6 => 4,
        _ => devices - 1,
    };

    /// <summary>The most Hamiltonian paths of <paramref name="devices"/> devices that share no arc, no start and no end: as many as cycles of
    /// one device more, which joins the end of each to its start.</summary>
    public static int MostPaths(int devices) => MostCycles(devices + 1);

    /// <summary>The slot that goes from each rank to each other, first index: sender; -1 where none does. Of pairwise ways these are the
    /// slots of the first round.</summary>
    public int[][] SendSlots() => Table((slots, from, to, slot) => slots[from][to] = slot);

    /// <summary>The slot that comes to each rank from each other, first index: receiver; -1 where none does: <see cref="SendSlots"/>
    /// transposed.</summary>
    public int[][] ReceiveSlots() => Table((slots, from, to, slot) => slots[to][from] = slot);

    /// <summary>Checks the rings themselves, with no knowledge of how they were made.</summary>
    /// <param name="missing">Links that are not there, which no ring may take; null where all are.</param>
    public RingSetCheck Verify(IEnumerable<DeviceLink>? missing = null) => RingSetCheck.Of(this, [.. missing ?? []]);

    private int[][] Table(Action<int[][], int, int, int> set)
    {
        var slots = new int[Devices][];
        for (int device = 0; device < Devices; device++)
        {
            slots[device] = new int[Devices];
            for (int other = 0; other < Devices; other++)
                slots[device][other] = -1;
        }

        if (Kind == RingSetKind.Pairwise)
        {
            for (int from = 0; from < Devices; from++)
            {
                for (int slot = 0; slot < Slots; slot++)
                    set(slots, from, (from + slot + 1) % Devices, slot);
            }
        }

        for (int slot = 0; slot < Rings.Count; slot++)
        {
            EquatableArray<int> ring = Rings[slot];
            for (int i = IsClosed ? 0 : 1; i < ring.Count; i++)
                set(slots, ring[i == 0 ? ring.Count - 1 : i - 1], ring[i], slot);
        }

        return slots;
    }

    /// <summary>The way that every device's own parts take, without forwarding; for any number of devices.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than two devices.</exception>
    public static RingSet Pairwise(int devices) => devices >= 2
        ? new RingSet(RingSetKind.Pairwise, devices, 1, default)
        : throw new ArgumentOutOfRangeException(nameof(devices), Invariant($"ways between {devices} devices; there are none of fewer than 2"));
}
