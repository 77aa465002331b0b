using System.Diagnostics;
using ParallelDsl.Planning.Models;

namespace ParallelDsl.Benchmarks.Pipelines;

/// <summary>Adaptive pipelines against tuned known schedules on profiles of real models, simulated; writes
/// <c>docs/benchmarks/pipelines.md</c>.</summary>
internal static class PipelinesBenchmark
{
    private const int Budget = 20_000;

    private static readonly (int Devices, int MicroBatches)[] Shapes = [(4, 8), (4, 16), (8, 16), (8, 32), (16, 32)];

    public static int Run(BenchmarkOptions options)
    {
        (LayerProfile[] profiles, string source) = Profiles();
        long started = Stopwatch.GetTimestamp();
        (LayerProfile Profile, int HopPercent, int Devices, int MicroBatches)[] cells =
        [
            .. from hopPercent in new[] { 0, 5, 20 }
               from profile in profiles
               from shape in Shapes
               select (profile, hopPercent, shape.Devices, shape.MicroBatches),
        ];
        PipelineRow[] rows = new PipelineRow[cells.Length];
        int done = 0;
        Parallel.For(0, cells.Length, index =>
        {
            (LayerProfile profile, int hopPercent, int devices, int microBatches) = cells[index];
            PipelineRow row = rows[index] = PipelineRow.Of(
                new PipelineCell(profile, devices, microBatches, MeanLayer(profile) * hopPercent / 100, Budget), hopPercent);
            Console.WriteLine(FormattableString.Invariant(
                $"{Interlocked.Increment(ref done),3}/{cells.Length} {profile.Model,-20} p={devices,-2} m={microBatches,-2} hop {hopPercent,2} %: ")
                + FormattableString.Invariant(
                    $"{row.OverInterleavedTwo:F3}x over interleaved v=2, {row.OverBestLayout:F3}x over the best layout, sliced {row.SlicedOverBestLayout:F3}x ({Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s)"));
        });

        string page = PipelinesPage.Write(rows, source, Budget);
        string path = Path.Combine(Repository.Root(), "docs", "benchmarks", "pipelines.md");
        ParallelDsl.Reporting.AtomicFile.WriteText(path, page);
        Console.WriteLine($"wrote {path}");
        options.WriteJson(rows);
        return 0;
    }

    // F, B and W of the layers that are not pinned.
    private static long MeanLayer(LayerProfile profile)
    {
        ProfiledLayer[] layers = [.. profile.Layers.Where(layer => layer.Pinned == LayerPin.None)];
        return layers.Sum(layer => layer.Forward + layer.BackwardInput + layer.BackwardWeight) / layers.Length;
    }

    /// <summary>The shared profiles, or made ones where they are absent.</summary>
    private static (LayerProfile[] Profiles, string Source) Profiles()
    {
        for (string? folder = Repository.Root(); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            string profiles = Path.Combine(folder, "shared", "data", "profiles");
            if (!Directory.Exists(profiles))
                continue;
            LayerProfile[] read =
            [
                .. Directory.GetFiles(profiles, "*.layers.json").Order(StringComparer.Ordinal)
                    .Select(file => LayerProfileFile.Parse(File.ReadAllText(file)))
                    .Select(parsed => parsed.Value ?? throw new InvalidDataException(parsed.Error!.ToString())),
            ];
            return (read, "layer times published by the AdaPtis authors with their simulator");
        }

        return ([Made("made-small-head", 48, 400, 1), Made("made-large-head", 48, 2_000, 2)], "made layer times: no published profile was found");
    }

    private static LayerProfile Made(string name, int layers, long head, int seed)
    {
        Random random = new(seed);
        return new(name, new(
        [
            new("embedding", 50, 30, 1, LayerPin.First),
            .. Enumerable.Range(0, layers).Select(index => index % 3 == 2
                ? new ProfiledLayer("attention", random.Next(80, 120), random.Next(90, 130), random.Next(20, 60), LayerPin.None)
                : new ProfiledLayer("mamba", random.Next(150, 250), random.Next(250, 400), random.Next(50, 120), LayerPin.None)),
            new("head", head, head, head / 4, LayerPin.Last),
        ]));
    }
}
