using System.Globalization;
using ParallelDsl.Planning.Json;
using static System.FormattableString;

namespace ParallelDsl.Planning.Pipelines;

/// <summary>Reads one file for <see cref="TorchScheduleFile"/>: first its cells, line by line, then what they say together.</summary>
internal sealed class TorchScheduleReader
{
    private const int MaximumIndex = 1_000_000;

    private static readonly string[] Passed = ["UNSHARD", "RESHARD", "REDUCE_GRAD"];

    // Of each rank its cells in order, without those that are passed over.
    private readonly List<List<Cell>> _ranks = [];
    private readonly Dictionary<int, Cell> _firstOfStage = [];
    private readonly Dictionary<PipelineAction, Cell> _cells = [];

    /// <summary>One action and its place.</summary>
    /// <param name="Action">The action, with its kind as torch names it today.</param>
    /// <param name="Name">Its name in the file.</param>
    /// <param name="Rank">The rank, from 0.</param>
    /// <param name="Index">The cell of its line, from 0.</param>
    /// <param name="Column">The column, from 1.</param>
    private sealed record Cell(PipelineAction Action, string Name, int Rank, int Index, int Column)
    {
        public string Text => Invariant($"{Action.Stage}{Name}{Action.MicroBatch}");

        public TextException Error(string message) =>
            new(new TextError(Rank + 1, Column, Invariant($"ranks[{Rank}].cells[{Index}]"), message));
    }

    /// <summary>Reads all cells.</summary>
    public void ReadLines(string text)
    {
        string content = text.Length > 0 && text[0] == '\uFEFF' ? text.Substring(1) : text;
        if (content.Length > 0 && content[content.Length - 1] == '\n')
            content = content.Substring(0, content.Length - 1);
        string[] lines = content.Split('\n');
        for (int rank = 0; rank < lines.Length; rank++)
        {
            _ranks.Add([]);
            string[] cells = lines[rank].TrimEnd('\r').Split(',');
            for (int index = 0, column = 1; index < cells.Length; column += cells[index].Length + 1, index++)
            {
                string cell = cells[index].TrimStart(' ', '\t');
                ReadCell(cell.TrimEnd(' ', '\t'), rank, index, column + cells[index].Length - cell.Length);
            }
        }

        if (_cells.Count == 0)
            throw new TextException(new TextError(1, 1, "", "the schedule has no actions"));
    }

    /// <summary>The schedule, once all that belongs to it is there.</summary>
    public TorchSchedule ToSchedule()
    {
        int stages = _firstOfStage.Keys.Max() + 1;
        int microBatches = _cells.Keys.Max(action => action.MicroBatch) + 1;
        var stageDevices = new List<int>();
        for (int stage = 0; stage < stages; stage++)
        {
            if (!_firstOfStage.TryGetValue(stage, out Cell? first))
                throw _firstOfStage[stages - 1].Error(Invariant($"there is a stage {stages - 1}, and no rank has stage {stage}"));
            stageDevices.Add(first.Rank);
        }

        bool old = !_cells.Keys.Any(action => action.Kind == ActionKind.BackwardInput)
            && _cells.Values.Any(cell => cell.Name == "B" && Has(ActionKind.BackwardWeight, cell.Action.Stage, cell.Action.MicroBatch));
        foreach (Cell cell in _ranks.SelectMany(rank => rank))
            CheckCell(cell, stages, old);
        for (int stage = 0; stage < stages; stage++)
        {
            for (int microBatch = 0; microBatch < microBatches; microBatch++)
                CheckComplete(stage, microBatch, old);
        }

        var schedule = new TorchSchedule(
            _ranks.Select(rank => new PipelineProgram(rank.Select(cell => Meaning(cell, old)).ToEquatableArray())).ToEquatableArray(),
            stageDevices.ToEquatableArray(),
            microBatches);
        if (DeadlockCycle.Find(schedule.ToOrders(), schedule.StageDevices) is { } cycle)
            throw _ranks[cycle.Device].Where(cell => cell.Action.IsCompute).ElementAt(cycle.Position).Error(cycle.Message);
        return schedule;
    }

    private void ReadCell(string text, int rank, int index, int column)
    {
        if (text.Length == 0)
            return;
        if (text[0] != '(')
        {
            ReadAction(text, rank, index, column);
            return;
        }

        int end = text.IndexOf(')');
        string name = text.Substring(end + 1);
        string[] parts = text.Substring(1, Math.Max(end - 1, 0)).Split(';');
        if (end < 0 || name != "OVERLAP_F_B" || parts.Length != 2)
        {
            throw Error(
                rank, index, column, $"'{OneLine.Of(text)}' is no overlap: expected a forward and a backward, as in (0F7;7B3)OVERLAP_F_B");
        }

        Cell? forward = ReadAction(parts[0], rank, index, column + 1);
        Cell? backward = ReadAction(parts[1], rank, index, column + 2 + parts[0].Length);
        if (forward?.Action.Kind != ActionKind.Forward || backward?.Action.Kind is not (ActionKind.Backward or ActionKind.BackwardInput))
            throw Error(rank, index, column, $"'{OneLine.Of(text)}' does not overlap a forward with a backward, in this order");
    }

    // Null for an action that is passed over.
    private Cell? ReadAction(string text, int rank, int index, int column)
    {
        int stageEnd = 0;
        while (stageEnd < text.Length && IsDigit(text[stageEnd]))
            stageEnd++;
        int nameEnd = text.Length;
        while (nameEnd > stageEnd && IsDigit(text[nameEnd - 1]))
            nameEnd--;
        string name = text.Substring(stageEnd, nameEnd - stageEnd);
        if (stageEnd == 0 || name.Length == 0)
            throw Error(rank, index, column, $"'{OneLine.Of(text)}' is no action: expected a stage, a kind and a micro-batch, as in 0F7");
        int stage = ReadIndex(text.Substring(0, stageEnd), "stage", rank, index, column);
        string digits = text.Substring(nameEnd);
        bool passed = Passed.Contains(name);
        if (!passed && TorchScheduleFile.Kind(name) is null)
        {
            throw Error(rank, index, column + stageEnd, $"the action '{OneLine.Of(name)}' is unknown; "
                + $"known are F, I, W, B, SEND_F, RECV_F, SEND_B, RECV_B, {string.Join(", ", Passed)} and (;)OVERLAP_F_B");
        }

        if (passed != (digits.Length == 0))
        {
            throw Error(rank, index, column + nameEnd, passed
                ? $"{name} has no micro-batch, found '{OneLine.Of(digits)}'"
                : $"expected a micro-batch after '{OneLine.Of(text)}'");
        }

        int microBatch = passed ? 0 : ReadIndex(digits, "micro-batch", rank, index, column + nameEnd);
        var cell = new Cell(
            new(TorchScheduleFile.Kind(name) ?? ActionKind.Forward, stage, microBatch), name, rank, index, column);
        if (!_firstOfStage.TryGetValue(stage, out Cell? first))
            _firstOfStage.Add(stage, cell);
        else if (first.Rank != rank)
            throw cell.Error(Invariant($"stage {stage} stands on rank {rank} here, and on rank {first.Rank} in line {first.Rank + 1}"));
        if (passed)
            return null;
        if (_cells.TryGetValue(cell.Action, out Cell? same))
            throw cell.Error(Invariant($"'{cell.Text}' stands here a second time; the first is cell {same.Index}, '{same.Text}'"));
        _cells.Add(cell.Action, cell);
        _ranks[rank].Add(cell);
        return cell;
    }

    private static bool IsDigit(char character) => character is >= '0' and <= '9';

    private static int ReadIndex(string digits, string what, int rank, int index, int column) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value < MaximumIndex
            ? value
            : throw Error(rank, index, column, Invariant($"expected a {what} below {MaximumIndex}, found {OneLine.Of(digits)}"));

    private static TextException Error(int rank, int index, int column, string message) =>
        new Cell(default, "", rank, index, column).Error(message);

    private bool Has(ActionKind kind, int stage, int microBatch) => _cells.ContainsKey(new(kind, stage, microBatch));

    private static PipelineAction Meaning(Cell cell, bool old) =>
        old && cell.Name == "B" ? cell.Action with { Kind = ActionKind.BackwardInput } : cell.Action;

    private void CheckCell(Cell cell, int stages, bool old)
    {
        (ActionKind kind, int stage, int microBatch) = (cell.Action.Kind, cell.Action.Stage, cell.Action.MicroBatch);
        if ((stage == 0 && kind is ActionKind.ReceiveForward or ActionKind.SendBackward)
            || (stage == stages - 1 && kind is ActionKind.SendForward or ActionKind.ReceiveBackward))
        {
            throw cell.Error(Invariant($"'{cell.Text}': there is no stage on the other side, the stages are 0 to {stages - 1}"));
        }

        if (kind is ActionKind.BackwardInput or ActionKind.BackwardWeight
            && _cells.TryGetValue(new(ActionKind.Backward, stage, microBatch), out Cell? whole)
            && Meaning(whole, old).Kind == ActionKind.Backward)
        {
            throw cell.Error(Invariant($"'{cell.Text}' stands beside '{whole.Text}' in cell {whole.Index}, which is the whole backward"));
        }
    }

    private void CheckComplete(int stage, int microBatch, bool old)
    {
        string? missing = null;
        bool split = Has(ActionKind.BackwardInput, stage, microBatch)
            || (_cells.TryGetValue(new(ActionKind.Backward, stage, microBatch), out Cell? backward)
                && Meaning(backward, old).Kind == ActionKind.BackwardInput);
        bool weight = Has(ActionKind.BackwardWeight, stage, microBatch);
        if (!Has(ActionKind.Forward, stage, microBatch))
            missing = Invariant($"{stage}F{microBatch}");
        else if (split && !weight)
            missing = Invariant($"{stage}W{microBatch}");
        else if (weight && !split)
            missing = Invariant($"{stage}{(old ? 'B' : 'I')}{microBatch}");
        else if (!split && !Has(ActionKind.Backward, stage, microBatch))
            missing = Invariant($"{stage}B{microBatch}");
        if (missing is not null)
        {
            int rank = _firstOfStage[stage].Rank;
            throw new TextException(new TextError(rank + 1, 1, Invariant($"ranks[{rank}]"), $"'{missing}' is missing"));
        }
    }
}
