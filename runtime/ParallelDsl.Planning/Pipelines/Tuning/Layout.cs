namespace ParallelDsl.Planning.Pipelines.Tuning;

/// <summary>A partition and a placement while they are searched for.</summary>
internal sealed class Layout
{
    private Layout(int[] first, int[] device) => (First, Device) = (first, device);

    /// <summary>The first layer of every stage, and the number of layers at the end.</summary>
    public int[] First { get; }

    /// <summary>The device of every stage.</summary>
    public int[] Device { get; }

    public int Stages => Device.Length;

    /// <summary>Stages with these numbers of free layers; pinned ones are added to the first and the last stage.</summary>
    public static Layout Of(PipelineProblem problem, IReadOnlyList<int> freeLayers, IReadOnlyList<int> devices)
    {
        var first = new int[freeLayers.Count + 1];
        for (int stage = 0; stage < freeLayers.Count; stage++)
            first[stage + 1] = first[stage] + freeLayers[stage] + (stage == 0 ? problem.PinnedFirst : 0);
        first[freeLayers.Count] = problem.Layers.Count;
        return new Layout(first, [.. devices]);
    }

    public static Layout Of(int[] first, int[] device) => new(first, device);

    /// <summary>Layers of <paramref name="stage"/> that are not pinned.</summary>
    public int FreeLayersOf(PipelineProblem problem, int stage) =>
        First[stage + 1] - First[stage] - (stage == 0 ? problem.PinnedFirst : 0) - (stage == Stages - 1 ? problem.PinnedLast : 0);

    /// <summary>Whether both have as many stages, and the same turn after the first stage of every device.</summary>
    public bool IsLike(Layout other, int devices) =>
        Stages == other.Stages && Device[Math.Min(devices, Stages - 1)] == other.Device[Math.Min(devices, Stages - 1)];

    public Layout Clone() => new((int[])First.Clone(), (int[])Device.Clone());
}
