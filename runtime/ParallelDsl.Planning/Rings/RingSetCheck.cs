using static System.FormattableString;

namespace ParallelDsl.Planning.Rings;

/// <summary>What a check of a ring set found.</summary>
/// <param name="Arcs">How many links, one way each, the set uses.</param>
/// <param name="IsComplete">Whether these are all there are: of every device to every other but for those that are missing, of paths those
/// inside nodes that are not missing and one way out of and into each device.</param>
/// <param name="Faults">What is wrong, in order; empty where nothing is.</param>
public sealed record RingSetCheck(int Arcs, bool IsComplete, EquatableArray<RingFault> Faults)
{
    /// <summary>Whether nothing is wrong.</summary>
    public bool IsVerified => Faults.Count == 0;

    internal static RingSetCheck Of(RingSet set, HashSet<DeviceLink> missing)
    {
        var faults = new List<RingFault>();
        if (set.Devices < 2 || set.Nodes < 1 || set.Devices % set.Nodes != 0)
        {
            faults.Add(new(-1, Invariant($"{set.Devices} devices on {set.Nodes} nodes")));
            return new RingSetCheck(0, false, faults.ToEquatableArray());
        }

        if (set.Kind == RingSetKind.Pairwise)
            return Pairwise(set, missing, faults);
        CheckCount(set, faults);
        for (int ring = 0; ring < set.Rings.Count; ring++)
            CheckPermutation(set, ring, faults);
        if (faults.Count > 0)
            return new RingSetCheck(0, false, faults.ToEquatableArray());

        int arcs = CheckArcs(set, missing, faults);
        if (set.Kind == RingSetKind.Paths)
            CheckPaths(set, faults);

        // One ring may have more devices than fit squared into 32 bits.
        long devices = set.Devices, perNode = set.DevicesPerNode;
        long all = set.Kind == RingSetKind.Cycles ? (devices * (devices - 1)) - missing.Count
            : (devices * (set.IsClosed ? perNode : perNode - 1)) - missing.Count(link => link.From / perNode == link.To / perNode);
        return new RingSetCheck(arcs, arcs == all && faults.Count == 0, faults.ToEquatableArray());
    }

    private static void CheckCount(RingSet set, List<RingFault> faults)
    {
        if (set.Rings.Count == 0)
            faults.Add(new(-1, "there are no rings"));
        int most = set.Kind == RingSetKind.Cycles ? RingSet.MostCycles(set.Devices) : RingSet.MostPaths(set.DevicesPerNode);
        if (set.Rings.Count > most)
        {
            faults.Add(new(most, set.Kind == RingSetKind.Cycles
                ? Invariant($"ring {most} is one too many: at most {most} cycles of {set.Devices} devices share no link")
                : Invariant($"ring {most} is one too many: at most {most} paths of {set.DevicesPerNode} devices share no link, start or end")));
        }
    }

    private static void CheckPermutation(RingSet set, int ring, List<RingFault> faults)
    {
        EquatableArray<int> devices = set.Rings[ring];
        if (devices.Count != set.Devices)
        {
            faults.Add(new(ring, Invariant($"ring {ring} visits {devices.Count} devices, where there are {set.Devices}")));
            return;
        }

        var seen = new bool[set.Devices];
        foreach (int device in devices)
        {
            if (device < 0 || device >= set.Devices)
                faults.Add(new(ring, Invariant($"ring {ring} has device {device} of {set.Devices}")));
            else if (seen[device])
                faults.Add(new(ring, Invariant($"ring {ring} has device {device} twice")));
            else
                seen[device] = true;
        }

        for (int device = 0; device < set.Devices; device++)
        {
            if (!seen[device])
                faults.Add(new(ring, Invariant($"ring {ring} leaves out device {device}")));
        }
    }

    private static int CheckArcs(RingSet set, HashSet<DeviceLink> missing, List<RingFault> faults)
    {
        int arcs = 0;
        var first = new Dictionary<(int From, int To), int>();
        for (int ring = 0; ring < set.Rings.Count; ring++)
        {
            EquatableArray<int> devices = set.Rings[ring];
            for (int i = 0; i < (set.IsClosed ? devices.Count : devices.Count - 1); i++)
            {
                (int from, int to) = (devices[i], devices[(i + 1) % devices.Count]);
                if (first.TryGetValue((from, to), out int other))
                {
                    faults.Add(new(ring, Invariant($"ring {ring} sends from {from} to {to}, as ring {other} does")));
                    continue;
                }

                first.Add((from, to), ring);
                if (missing.Contains(new DeviceLink(from, to)))
                    faults.Add(new(ring, Invariant($"ring {ring} sends from {from} to {to}, where the link is missing")));
                arcs++;
            }
        }

        return arcs;
    }

    // Inside a node a ring is one path; the paths of a node start at different devices and end at different devices.
    private static void CheckPaths(RingSet set, List<RingFault> faults)
    {
        int perNode = set.DevicesPerNode;
        var starts = new bool[set.Devices];
        var ends = new bool[set.Devices];
        for (int ring = 0; ring < set.Rings.Count; ring++)
        {
            EquatableArray<int> devices = set.Rings[ring];
            int borders = 0;
            for (int i = 0; i < devices.Count; i++)
            {
                (int from, int to) = (devices[i], devices[(i + 1) % devices.Count]);
                if (set.IsClosed ? from / perNode == to / perNode : i < devices.Count - 1)
                    continue;
                borders++;
                Take(ends, from, "end", ring, faults);
                Take(starts, to, "start", ring, faults);
            }

            if (borders != set.Nodes)
                faults.Add(new(ring, Invariant($"ring {ring} leaves a node {borders} times, where there are {set.Nodes} nodes")));
        }
    }

    private static void Take(bool[] taken, int device, string noun, int ring, List<RingFault> faults)
    {
        if (taken[device])
            faults.Add(new(ring, Invariant($"device {device} is the {noun} of a path of ring {ring} and of another ring")));
        taken[device] = true;
    }

    // In the first round every rank sends each slot to one other and receives each from one other.
    private static RingSetCheck Pairwise(RingSet set, HashSet<DeviceLink> missing, List<RingFault> faults)
    {
        if (set.Rings.Count > 0)
            faults.Add(new(0, "pairwise ways have no rings"));
        int[][] send = set.SendSlots();
        int arcs = 0;
        for (int device = 0; device < set.Devices; device++)
        {
            var sent = new bool[set.Slots];
            var received = new bool[set.Slots];
            for (int other = 0; other < set.Devices; other++)
            {
                if (other == device)
                    continue;
                (int to, int from) = (send[device][other], send[other][device]);
                if (to < 0 || to >= set.Slots || from < 0 || from >= set.Slots || sent[to] || received[from])
                {
                    faults.Add(new(-1, Invariant($"devices {device} and {other} do not send each other a slot of their own")));
                    continue;
                }

                (sent[to], received[from]) = (true, true);
                if (missing.Contains(new DeviceLink(device, other)))
                    faults.Add(new(-1, Invariant($"device {device} sends to {other}, where the link is missing")));
                arcs++;
            }
        }

        return new RingSetCheck(arcs, faults.Count == 0, faults.ToEquatableArray());
    }
}

/// <summary>One thing that is wrong with a ring set.</summary>
/// <param name="Ring">The ring at which it shows, or -1 where it is none of them.</param>
/// <param name="Message">What is wrong; one sentence without a full stop, which names the ring and the link.</param>
public sealed record RingFault(int Ring, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => Message;
}
