using System.Globalization;
using System.Text.Json;
using ParallelDsl.Checkpoints;
using ParallelDsl.Data;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Plans;
using ParallelDsl.Reporting;
using ParallelDsl.Training;

namespace TrainGpt;

/// <summary>One run from text to checkpoint: training, parity with one rank, evaluation, generation, pictures.</summary>
internal sealed class TrainRun(TrainOptions options)
{
    /// <summary>Steps that are run again on one rank.</summary>
    private const int ReferenceSteps = 5;

    /// <summary>What the parallel run may differ from one rank, relative: float32 sums in another order.</summary>
    private const double Tolerance = 1e-4;

    private const int HeldOutDocuments = 200;
    private const int GeneratedBytes = 80;
    private const string PlanFile = "plan.html";
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true, NewLine = "\n" };

    /// <summary>Runs it.</summary>
    /// <returns>0, or 1 where the parallel run does not equal the one on one rank.</returns>
    public int Execute(CancellationToken cancellation)
    {
        Corpus corpus = ReadCorpus();
        (Corpus training, Corpus heldOut) = corpus.Split(20);
        IReadOnlyList<int[]> documents = training.Documents;
        List<int[]> unseen = [.. heldOut.Documents.Take(HeldOutDocuments)];

        TrainerOptions how = new() { Steps = options.Steps, WarmUpSteps = Math.Min(20, options.Steps / 10), LearningRate = 4e-3f, Seed = options.Seed, ThreadsPerRank = options.Threads };
        ParallelPlan plan = options.Ranks == 1 ? OneRank.PlanOf(Gpt.Plan) : Gpt.Plan;
        using Trainer<Gpt> trainer = new(documents, how, plan, options.Transport);

        // The newest checkpoint of a folder now; this run will add newer ones.
        string? checkpoint = options.Checkpoint is { } given ? CheckpointDirectory.Latest(given) ?? given : null;
        if (checkpoint is not null)
            trainer.Resume(checkpoint);

        // Before the training, so that an output that cannot be written costs no training.
        if (options.Reports)
        {
            Directory.CreateDirectory(options.OutputDirectory);
            CheckFiguresFile();
            AtomicFile.WriteText(Path.Combine(options.OutputDirectory, PlanFile), PlanHtml.Write(plan));
        }

        Write("text", $"{corpus.Source}");
        Write("model", $"{trainer.ParameterCount:N0} parameters; {Describe(plan.Mesh)}");
        if (checkpoint is not null)
            Write("resumed", $"after step {trainer.StepsDone}, from {checkpoint}");

        List<StepReport> reports = [];
        bool finished = Train(trainer, reports, cancellation);
        string saved = trainer.Save(Path.Combine(options.OutputDirectory, "checkpoints"));
        if (!finished)
        {
            Write("stopped", $"after step {trainer.StepsDone} of {options.Steps}; saved to {saved}");
            Write("go on", $"with the same command and --resume {saved}");
            return 0;
        }

        double loss = trainer.Evaluate(unseen);
        if (!options.Reports)
            return 0;
        double unigram = new UnigramModel(documents, ByteTokenizer.Vocabulary).MeanLoss(unseen);
        Write("held out", $"loss {loss:F4} nats a byte; a unigram model has {unigram:F4}");
        Generate(saved);
        (List<StepReport> reference, double difference) = CompareWithOneRank(documents, how, checkpoint, reports);
        if (reports.Count > 0)
            AtomicFile.WriteText(Path.Combine(options.OutputDirectory, "loss.svg"), LossCurveSvg.Write(Losses(reports), Losses(reference), unigram, loss));
        WriteFigures(trainer, reports, reference, unigram, loss);
        Write("written", $"{options.OutputDirectory}: {PlanFile}, loss.svg, {Path.GetRelativePath(options.OutputDirectory, saved)}");
        return difference <= Tolerance ? 0 : 1;
    }

    private static string Describe(Mesh mesh) =>
        mesh.Size == 1 ? "one rank" : $"{mesh.Size} ranks: data {mesh.Data} x sequence {mesh.Sequence} x pipeline {mesh.Pipeline}";

    /// <summary>A line of the summary.</summary>
    private void Write(string label, FormattableString text)
    {
        if (options.Reports)
            Console.WriteLine($"{label,-10} {text.ToString(CultureInfo.InvariantCulture)}");
    }

    private Corpus ReadCorpus()
    {
        // A sequence of the context's length has one token more: its last target.
        int longest = Gpt.Plan.Model.ContextLength + 1;
        ByteTokenizer tokenizer = new();
        return options.TextDirectory is { } directory ? Corpus.FromTextDirectory(directory, tokenizer, longest) : Corpus.FromReferencePacks(tokenizer, longest);
    }

    private bool Train(Trainer<Gpt> trainer, List<StepReport> reports, CancellationToken cancellation)
    {
        bool finished = false;
        if (!options.Reports)
            return trainer.Train(cancellation: cancellation);
        StepDisplay.Show("training", trainer.StepsDone, options.Steps, show => finished = trainer.Train(
            progress: report =>
            {
                reports.Add(report);
                show(report);
            },
            cancellation: cancellation));
        if (reports.Count > 0)
            Write("trained", $"to step {trainer.StepsDone} in {reports.Sum(report => report.Seconds):F0} s; loss {reports[0].Loss:F4} to {reports[^1].Loss:F4}; {TokensPerSecond(reports):N0} tokens/s");
        return finished;
    }

    private (List<StepReport> Reports, double Difference) CompareWithOneRank(
        IReadOnlyList<int[]> documents, TrainerOptions how, string? checkpoint, List<StepReport> reports)
    {
        List<StepReport> reference = [];
        int steps = options.Ranks == 1 ? 0 : Math.Min(ReferenceSteps, reports.Count);
        if (steps == 0)
            return (reference, 0);
        using Trainer<Gpt> trainer = new(documents, how with { ThreadsPerRank = 0 }, OneRank.PlanOf(Gpt.Plan));
        if (checkpoint is not null)
            trainer.Resume(checkpoint);
        int first = trainer.StepsDone;
        StepDisplay.Show("one rank", first, first + steps, show => trainer.Train(steps, report =>
        {
            reference.Add(report);
            show(report);
        }));
        double difference = reference.Zip(reports, (one, many) => Math.Max(Relative(one.Loss, many.Loss), Relative(one.GradientNorm, many.GradientNorm))).Max();
        Write("parity", $"{steps} steps on one rank: loss and gradient norm differ by {difference:0.0e+0} at most ({(difference <= Tolerance ? "equal" : "NOT EQUAL")})");
        return (reference, difference);
    }

    private void Generate(string checkpoint)
    {
        ByteTokenizer tokenizer = new();
        using TextGenerator<Gpt> generator = new(checkpoint);
        const string Prompt = "System.";
        IReadOnlyList<int> added = generator.Generate(
            [ByteTokenizer.Bos, .. tokenizer.Encode(Prompt)[1..^1]], GeneratedBytes, temperature: 0.5f, options.Seed, ByteTokenizer.Eos);

        // What an untrained model writes could command the terminal.
        string text = string.Concat(tokenizer.Decode([.. added]).Select(character => char.IsControl(character) ? ' ' : character));
        Write("generated", $"{Prompt}{text}");
    }

    /// <exception cref="IOException">The figures could not be written at the end.</exception>
    private void CheckFiguresFile()
    {
        if (options.JsonFile is { } file && (Directory.Exists(file) || !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(file)))))
            throw new IOException($"--json {file} must name a file in a folder that exists.");
    }

    private void WriteFigures(Trainer<Gpt> trainer, List<StepReport> reports, List<StepReport> reference, double unigram, double heldOut)
    {
        if (options.JsonFile is not { } file)
            return;
        AtomicFile.WriteText(file, JsonSerializer.Serialize(
            new
            {
                Losses = Losses(reports),
                ReferenceLosses = Losses(reference),
                GradientNorms = reports.Select(report => report.GradientNorm),
                ReferenceGradientNorms = reference.Select(report => report.GradientNorm),
                TokensPerSecond = TokensPerSecond(reports),
                Parameters = trainer.ParameterCount,
                UnigramLoss = unigram,
                HeldOutLoss = heldOut,
            },
            Json) + "\n");
    }

    private static List<double> Losses(List<StepReport> reports) => [.. reports.Select(report => report.Loss)];

    private static double TokensPerSecond(List<StepReport> reports) => reports.Count == 0 ? 0 : reports.Sum(report => report.Tokens) / reports.Sum(report => report.Seconds);

    private static double Relative(double expected, double actual) => Math.Abs(expected - actual) / Math.Abs(expected);
}
