using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Sequences;
using static System.FormattableString;

namespace ParallelDsl.Execution;

/// <summary>Where the tokens of all units of a step lie on one rank, in both directions. Every rank derives its own from the batch and the
/// step plan; what two ranks must agree on follows from those alone.</summary>
/// <remarks>
/// <para>The rows of a forward unit in attention are those of its slices, ascending; remapping moves some of them elsewhere. A token
/// stays where its forward was: a backward unit has the rows of its slices by forward unit, and in each as they lie there. So no
/// activations move between ranks, and a backward unit that has the rows of one forward unit has them in the same order.</para>
/// <para>Under full attention rows lie as under a causal mask; only which queries meet which keys differs.</para>
/// <para>Two ranks that exchange rows between the layouts both have them by forward unit, and in each by their row at the rank that has
/// them in attention.</para>
/// </remarks>
internal sealed class StepLayout
{
    private readonly int _self;
    private readonly int _dataRank;
    private readonly bool _isCausal;
    private readonly StepRings _rings;
    private readonly SliceHistory _history = new();
    private readonly UnitRemap? _remap;
    private readonly UnitLayout[] _forward;
    private readonly UnitLayout[] _asymmetric;
    private int[] _backwardRows = [];

    /// <summary>Makes the layouts of a rank.</summary>
    /// <param name="dataRanks">The data degree.</param>
    /// <param name="sequenceRanks">The sequence degree.</param>
    /// <param name="units">Units of each data rank.</param>
    /// <param name="self">The attention rank.</param>
    /// <param name="nodes">The node of every attention rank, where rows are remapped; else null.</param>
    /// <param name="unitTokens">The most rows of a unit on one rank; remapping makes no more of them.</param>
    /// <param name="datapaths">How keys and values travel; on rings where nothing is said.</param>
    /// <param name="isCausal">Whether a query sees only the keys up to its own position; else all of its sequence.</param>
    public StepLayout(
        int dataRanks,
        int sequenceRanks,
        int units,
        int self,
        int[]? nodes,
        int unitTokens = int.MaxValue,
        RingDatapaths datapaths = default,
        bool isCausal = true)
    {
        (_self, _dataRank, _rings, _isCausal) = (self, self / sequenceRanks, new StepRings(self), isCausal);
        _remap = nodes is null ? null : new UnitRemap(dataRanks, sequenceRanks, self, unitTokens, nodes);
        RingItineraries itineraries = new(datapaths);
        _forward = [.. Enumerable.Range(0, units).Select(_ => new UnitLayout(nodes is not null, itineraries, isCausal))];
        _asymmetric = [.. Enumerable.Range(0, units).Select(_ => new UnitLayout(nodes is not null, itineraries, isCausal))];
        (Forward, Backward) = (_forward, _forward);
    }

    /// <summary>The plan that is laid out.</summary>
    public StepPlan Plan { get; private set; } = new();

    /// <summary>The position of this rank on the data axis.</summary>
    public int DataRank => _dataRank;

    /// <summary>The forward units.</summary>
    public IReadOnlyList<UnitLayout> Forward { get; }

    /// <summary>The backward units.</summary>
    public IReadOnlyList<UnitLayout> Backward { get; private set; }

    /// <summary>Rows of the sums of gradients of keys and values that later slices read.</summary>
    public int HistoryRows => _history.Rows;

    /// <summary>Lays out a step.</summary>
    /// <param name="batch">All its sequences; each has one token more than its length, the last being only a target.</param>
    /// <param name="step">The plan.</param>
    /// <exception cref="ArgumentException">Full attention to a sequence that several units share.</exception>
    public void Build(IReadOnlyList<int[]> batch, StepPlan step)
    {
        if (!_isCausal)
            RequireWholeSequences(step);
        Plan = step;
        _rings.Build(step);
        _history.Build(step, _rings);
        _remap?.Begin(step);
        for (int unit = 0; unit < _forward.Length; unit++)
        {
            ReadOnlySpan<int> slices = step.ForwardSlices(_dataRank, unit);
            _forward[unit].Begin();
            PlaceSlices(step, slices, unit);
            _forward[unit].Complete(batch, step, slices, _rings, _history.ForwardRows, _history, unit);
        }

        Backward = step.IsSymmetric ? _forward : _asymmetric;
        if (!step.IsSymmetric)
            BuildBackward(batch, step);
    }

    /// <summary>Keys of earlier units are kept for later ones; those of later units are not there yet.</summary>
    private static void RequireWholeSequences(StepPlan step)
    {
        for (int index = 1; index < step.SliceCount; index++)
        {
            ref readonly Slice slice = ref step.Slices[index], before = ref step.Slices[index - 1];
            if (slice.Sequence == before.Sequence && (slice.ForwardUnit, slice.BackwardUnit) != (before.ForwardUnit, before.BackwardUnit))
            {
                throw new ArgumentException(
                    Invariant($"Sequence {slice.Sequence} is cut at token {slice.Start} into slices of several units: under full attention an earlier slice cannot see a later one."),
                    nameof(step));
            }
        }
    }

    private void PlaceSlices(StepPlan step, ReadOnlySpan<int> slices, int unit)
    {
        UnitLayout layout = _forward[unit];
        _remap?.Plan(step, unit);
        foreach (int index in slices)
        {
            ref readonly Slice slice = ref step.Slices[index];
            int row = layout.AttentionTokens, member = _rings.PositionOf(slice.Ring);
            _history.ForwardRows[index] = row;
            if (member < 0)
                continue;
            Segments split = ZigzagSplit.SegmentsOf(slice.Length, step.RingSize(slice.Ring), member);
            for (int i = 0; i < split.Count; i++)
            {
                int start = slice.Start + split[i].Start, length = split[i].Length;
                if (_remap is null)
                {
                    layout.AttentionRows.Add(index, start, length, _self, unit, layout.AttentionTokens);
                    continue;
                }

                // Where the rows go to several ranks, a run ends.
                for (int part; length > 0; start += part, length -= part)
                {
                    (int peer, int end) = _remap.DestinationOf(layout.AttentionTokens);
                    part = Math.Min(length, end - layout.AttentionTokens);
                    if (peer == _self)
                        layout.Rows.Add(index, start, part, _self, unit, layout.Tokens);
                    layout.AttentionRows.Add(index, start, part, peer, unit, layout.AttentionTokens);
                }
            }
        }

        _remap?.AddArrivals(step, unit, layout.Rows);
    }

    private void BuildBackward(IReadOnlyList<int[]> batch, StepPlan step)
    {
        if (_backwardRows.Length < step.SliceCount)
            _backwardRows = new int[2 * step.SliceCount];
        foreach (UnitLayout layout in _asymmetric)
            layout.Begin();
        foreach (UnitLayout forward in _forward)
        {
            int last = -1;
            foreach (RowRun run in forward.AttentionRows.Runs)
            {
                RowRuns rows = _asymmetric[step.Slices[run.Slice].BackwardUnit].AttentionRows;
                if (run.Slice != last)
                    _backwardRows[run.Slice] = rows.Tokens;
                last = run.Slice;
                rows.Add(run.Slice, run.Position, run.Length, run.Peer, run.ForwardUnit, run.ForwardRow);
            }

            if (_remap is null)
                continue;
            foreach (RowRun run in forward.Rows.Runs)
                _asymmetric[step.Slices[run.Slice].BackwardUnit].Rows.Add(run.Slice, run.Position, run.Length, run.Peer, run.ForwardUnit, run.ForwardRow);
        }

        for (int unit = 0; unit < _asymmetric.Length; unit++)
        {
            ReadOnlySpan<int> slices = step.BackwardSlices(_dataRank, unit);
            _asymmetric[unit].Complete(batch, step, slices, _rings, _backwardRows, _history, ForwardUnitOf(_asymmetric[unit]));
        }
    }

    /// <summary>The forward unit with exactly the rows of a backward unit; negative where there is none, or the backward unit is empty.</summary>
    private int ForwardUnitOf(UnitLayout backward)
    {
        ReadOnlySpan<RowRun> runs = backward.Tokens > 0 ? backward.Rows.Runs : backward.AttentionRows.Runs;
        if (runs.Length == 0)
            return -1;
        int unit = runs[0].ForwardUnit;
        return backward.Rows.AreAllOf(_forward[unit].Rows, unit) && backward.AttentionRows.AreAllOf(_forward[unit].AttentionRows, unit) ? unit : -1;
    }
}
