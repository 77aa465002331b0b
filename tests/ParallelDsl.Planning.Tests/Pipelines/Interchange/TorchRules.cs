using System.Globalization;
using System.Text;

namespace ParallelDsl.Planning.Tests.Pipelines;

/// <summary>The texts of torch's schedules, made by the rules that those follow.</summary>
internal static class TorchRules
{
    /// <summary>Interleaved zero bubble: interleaved 1F1B with a warm-up of one micro-batch a rank, where rank r does each W r backwards
    /// late. The input gradient is called B, as older files do.</summary>
    public static string InterleavedZeroBubble(int ranks, int stagesPerRank, int microBatches)
    {
        var text = new StringBuilder();
        for (int rank = 0; rank < ranks; rank++)
        {
            int total = microBatches * stagesPerRank;
            int warmUp = Math.Min(((stagesPerRank - 1) * ranks) + (ranks - 1 - rank), total);
            var cells = new List<string>();
            void Add(string name, int step, bool backward)
            {
                int chunk = step / ranks % stagesPerRank;
                int stage = ((backward ? stagesPerRank - 1 - chunk : chunk) * ranks) + rank;
                int microBatch = (step / (ranks * stagesPerRank) * ranks) + (step % ranks);
                cells.Add(string.Create(CultureInfo.InvariantCulture, $"{stage}{name}{microBatch}"));
            }

            for (int step = 0; step < total + warmUp + rank; step++)
            {
                if (step < total)
                    Add("F", step, backward: false);
                if (step >= warmUp && step < total + warmUp)
                    Add("B", step - warmUp, backward: true);
                if (step >= warmUp + rank)
                    Add("W", step - warmUp - rank, backward: true);
            }

            text.Append(string.Join(',', cells)).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>DualPipeV in its eight steps (DeepSeek-AI, DualPipe cut in half): rank r has stages r (0) and 2p - 1 - r (1).</summary>
    public static string DualPipeV(int ranks, int microBatches)
    {
        var text = new StringBuilder();
        for (int rank = 0; rank < ranks; rank++)
            text.Append(string.Join(',', new DualPipeVRank(rank, ranks).Cells(microBatches))).Append('\n');
        return text.ToString();
    }

    private sealed class DualPipeVRank(int rank, int ranks)
    {
        private readonly List<string> _cells = [];
        private readonly Queue<string> _weights = new();
        private readonly int[] _forwards = new int[2];
        private readonly int[] _backwards = new int[2];

        public List<string> Cells(int microBatches)
        {
            int after = ranks - 1 - rank;
            for (int i = 0; i < 2 * after; i++)
                _cells.Add(Forward(0));
            for (int i = 0; i <= rank; i++)
                _cells.AddRange([Forward(0), Forward(1)]);
            for (int i = 0; i < after; i++)
                _cells.AddRange([Input(1), _weights.Dequeue(), Forward(1)]);
            for (int i = 0; i < microBatches - (2 * ranks) + rank + 1; i++)
            {
                if (i == 0 && after == 0)
                    _cells.AddRange([Forward(0), Whole(1)]);
                else
                    Overlap(0, 1);
                Overlap(1, 0);
            }

            for (int i = 0; i < after; i++)
            {
                _cells.Add(Whole(1));
                Overlap(1, 0);
            }

            // From the middle on weights wait.
            for (int i = 0; i <= rank; i++)
            {
                int half = (rank + 1) / 2;
                _cells.Add(i > half || (i == half && rank % 2 == 1) ? Input(1) : Whole(1));
                _cells.Add(i >= half ? Input(0) : Whole(0));
            }

            for (int i = 0; i < after; i++)
                _cells.AddRange([_weights.Dequeue(), Input(0)]);
            while (_weights.Count > 0)
                _cells.Add(_weights.Dequeue());
            return _cells;
        }

        private string Cell(int half, string name, int microBatch) =>
            string.Create(CultureInfo.InvariantCulture, $"{(half == 0 ? rank : (2 * ranks) - 1 - rank)}{name}{microBatch}");

        private string Forward(int half) => Cell(half, "F", _forwards[half]++);

        private string Whole(int half) => Cell(half, "B", _backwards[half]++);

        private string Input(int half)
        {
            _weights.Enqueue(Cell(half, "W", _backwards[half]));
            return Cell(half, "I", _backwards[half]++);
        }

        private void Overlap(int forward, int backward) => _cells.Add($"({Forward(forward)};{Whole(backward)})OVERLAP_F_B");
    }
}
