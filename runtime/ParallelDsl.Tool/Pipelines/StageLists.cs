using System.Globalization;
using ParallelDsl.Planning;
using static System.FormattableString;

namespace ParallelDsl.Tool.Pipelines;

/// <summary>The texts of a partition, <c>14,14,14,14</c>: the layers of each stage; and of a placement, <c>0,4;1,5;2;3</c>: the stages of
/// each device.</summary>
internal static class StageLists
{
    /// <summary>Reads a partition.</summary>
    /// <exception cref="CommandException">An item is not a number over 0.</exception>
    public static EquatableArray<int> ParsePartition(string text) => text.Split(',')
        .Select(item => Number(item) is { } layers and > 0
            ? layers
            : throw CommandException.BadInput(
                $"--partition: '{item.Trim()}' is not a number of layers; write one over 0 for each stage, as in 14,14,14,14"))
        .ToEquatableArray();

    /// <summary>Reads a placement and gives the device of every stage.</summary>
    /// <exception cref="CommandException">An item is not a number; there are not <paramref name="devices"/> lists; a device has no stage;
    /// or a stage is missing or stands there twice.</exception>
    public static EquatableArray<int> ParsePlacement(string text, int devices)
    {
        string[] lists = text.Split(';');
        if (lists.Length != devices)
            throw CommandException.BadInput(Invariant($"--placement: lists the stages of {lists.Length} devices, and --devices says {devices}"));
        var deviceOf = new SortedDictionary<int, int>();
        for (int device = 0; device < devices; device++)
        {
            if (string.IsNullOrWhiteSpace(lists[device]))
                throw CommandException.BadInput(Invariant($"--placement: device {device} has no stage"));
            foreach (string item in lists[device].Split(','))
            {
                if (Number(item) is not { } stage)
                {
                    throw CommandException.BadInput(
                        $"--placement: '{item.Trim()}' is not the number of a stage; write the stages of each device, as in 0,4;1,5;2;3");
                }

                if (!deviceOf.TryAdd(stage, device))
                {
                    throw CommandException.BadInput(deviceOf[stage] == device
                        ? Invariant($"--placement: stage {stage} stands twice on device {device}")
                        : Invariant($"--placement: stage {stage} is on device {deviceOf[stage]} and on device {device}"));
                }
            }
        }

        int last = deviceOf.Keys.Max();
        for (int stage = 0; stage < last; stage++)
        {
            if (!deviceOf.ContainsKey(stage))
                throw CommandException.BadInput(Invariant($"--placement: stage {stage} is missing; stages go from 0 to {last}"));
        }

        return deviceOf.Values.ToEquatableArray();
    }

    /// <summary>Writes a partition.</summary>
    public static string WritePartition(EquatableArray<int> partition) => string.Join(',', partition.Select(Text));

    /// <summary>Writes a placement.</summary>
    public static string WritePlacement(EquatableArray<int> stageDevices, int devices) =>
        string.Join(';', StagesOf(stageDevices, devices).Select(stages => string.Join(',', stages.Select(Text))));

    /// <summary>The stages of every device.</summary>
    public static IEnumerable<IEnumerable<int>> StagesOf(EquatableArray<int> stageDevices, int devices) => Enumerable.Range(0, devices)
        .Select(device => Enumerable.Range(0, stageDevices.Count).Where(stage => stageDevices[stage] == device));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static int? Number(string item) =>
        int.TryParse(item.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : null;
}
