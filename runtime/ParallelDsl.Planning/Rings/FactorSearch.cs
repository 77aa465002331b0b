namespace ParallelDsl.Planning.Rings;

/// <summary>Looks for rings that avoid links (ours; exchanges between the permutations of a decomposition).</summary>
/// <remarks>
/// <para>Links are kept as permutations, in each of which every device sends to one and receives from one: all links as if none were
/// missing, or those there are. Some permutations are left for links that are missing; each of the others has as many defects as it has
/// missing links, weighted, and cycles but one. Two permutations together are closed walks that take their links in turn, forwards in one
/// and backwards in the other; on each walk they can exchange their links. An exchange that adds no defects is made, now and then one that
/// adds one, so that those without any are rings in the end.</para>
/// <para>Bounded by a number of exchanges that are tried. Ties are broken by numbers that are the same in every run.</para>
/// </remarks>
internal sealed class FactorSearch
{
    private const int MissingWeight = 3;
    private const int TriesOfRise = 64;

    private readonly bool[,] _linked;
    private readonly int _devices;
    private readonly int[][] _next;
    private readonly int[] _defects;
    private readonly int _kept;
    private readonly int[] _before;
    private readonly int[] _walk;
    private readonly int[] _seen;
    private readonly int[] _left;
    private readonly int[] _right;
    private int _stamp;
    private RepeatableRandom _random;

    /// <param name="linked">Whether there is a link, first index: from whom.</param>
    /// <param name="factors">Permutations that share no link: the follower of every device.</param>
    /// <param name="kept">How many are to become rings; no more than there are.</param>
    /// <param name="random">What breaks ties.</param>
    public FactorSearch(bool[,] linked, int[][] factors, int kept, RepeatableRandom random)
    {
        _random = random;
        _linked = linked;
        _devices = linked.GetLength(0);
        _kept = kept;
        // The permutations with the most missing links are those left for them.
        _next = [.. factors.Select((next, index) => (Next: next, Index: index))
            .OrderBy(factor => Missing(factor.Next)).ThenBy(factor => factor.Index).Select(factor => (int[])factor.Next.Clone())];
        _before = new int[_devices];
        _walk = new int[_devices];
        _seen = new int[_devices];
        _left = new int[_devices];
        _right = new int[_devices];
        _defects = [.. _next.Select((next, factor) => Defects(factor, next))];
    }

    /// <summary>The rings found: as many as were to be kept, or fewer.</summary>
    /// <param name="steps">How many exchanges are tried.</param>
    public List<int[]> Run(int steps)
    {
        var best = new List<int[]>();
        for (; ; steps--)
        {
            int sound = 0;
            for (int factor = 0; factor < _kept; factor++)
                sound += _defects[factor] == 0 ? 1 : 0;
            if (sound > best.Count)
                best = [.. _next.Take(_kept).Where((_, factor) => _defects[factor] == 0).Select(next => (int[])next.Clone())];
            // A permutation alone has none to exchange links with.
            if (sound == _kept || steps == 0 || _next.Length == 1)
                return best;
            Exchange(sound);
        }
    }

    // One of those with defects, and any other.
    private void Exchange(int sound)
    {
        int factor = -1;
        for (int skip = _random.Next(_kept - sound); skip >= 0; skip--)
        {
            factor++;
            while (_defects[factor] == 0)
                factor++;
        }

        int other = _random.Next(_next.Length - 1);
        other += other >= factor ? 1 : 0;
        int[] left = _next[factor], right = _next[other];
        for (int device = 0; device < _devices; device++)
            _before[right[device]] = device;

        // The walks, and of them one after the other from any on.
        int walks = 0;
        _stamp++;
        for (int device = 0; device < _devices; device++)
        {
            if (_seen[device] == _stamp)
                continue;
            for (int at = device; _seen[at] != _stamp; at = _before[left[at]])
            {
                _seen[at] = _stamp;
                _walk[at] = walks;
            }

            walks++;
        }

        if (walks == 1)
            return;
        for (int i = 0, first = _random.Next(walks); i < walks; i++)
        {
            int walk = (first + i) % walks;
            for (int device = 0; device < _devices; device++)
            {
                bool exchanged = _walk[device] == walk;
                _left[device] = exchanged ? right[device] : left[device];
                _right[device] = exchanged ? left[device] : right[device];
            }

            int now = Defects(factor, _left), then = Defects(other, _right);
            if (now + then > _defects[factor] + _defects[other] + (_random.Next(64) == 0 ? 1 : 0))
                continue;
            Array.Copy(_left, left, _devices);
            Array.Copy(_right, right, _devices);
            (_defects[factor], _defects[other]) = (now, then);
            return;
        }
    }

    private int Missing(int[] next)
    {
        int missing = 0;
        for (int device = 0; device < _devices; device++)
            missing += _linked[device, next[device]] ? 0 : 1;
        return missing;
    }

    private int Defects(int factor, int[] next)
    {
        if (factor >= _kept)
            return 0;
        int cycles = -1;
        _stamp++;
        for (int device = 0; device < _devices; device++)
        {
            cycles += _seen[device] == _stamp ? 0 : 1;
            for (int at = device; _seen[at] != _stamp; at = next[at])
                _seen[at] = _stamp;
        }

        return cycles + (MissingWeight * Missing(next));
    }
}
