using ParallelDsl.Planning.Simulation.Clusters;

namespace ParallelDsl.Planning.Tests.Simulation.Clusters;

/// <summary>A task of <see cref="NaiveCluster"/>: a computation on <paramref name="From"/>, a transfer, or a delay.</summary>
internal sealed record NaiveTask(char Kind, int From, int To, long Amount, int Priority, int[] After)
{
    public long Start { get; set; } = -1;

    public long End { get; set; } = -1;

    public long Left { get; set; }

    public bool Moving { get; set; }
}

/// <summary>A cluster that is simulated nanosecond by nanosecond, by looking at everything every time. It shares no code with the
/// simulator.</summary>
internal static class NaiveCluster
{
    public static void Run(ClusterLinks links, int slowdown, NaiveTask[] tasks)
    {
        var devices = new List<(int Node, int Local)>();
        for (int node = 0; node < links.Nodes.Count; node++)
        {
            for (int local = 0; local < links.Nodes[node].Devices; local++)
                devices.Add((node, local));
        }

        long now = 0;
        while (true)
        {
            bool again = true;
            while (again)
            {
                again = Due(links, devices, tasks, now);
                if (again)
                    continue;
                for (int device = 0; device < devices.Count; device++)
                {
                    if (tasks.Any(task => task.Kind == 'C' && task.From == device && task.Moving && task.End < 0))
                        continue;
                    NaiveTask? next = tasks.Where(task => task.Kind == 'C' && task.From == device && !task.Moving && IsReady(tasks, task))
                        .OrderBy(task => task.Priority).FirstOrDefault();
                    if (next is null)
                        continue;
                    (next.Start, next.Moving, next.Left) = (now, true, next.Amount * 1_000);
                    again |= next.Left == 0;
                }
            }

            NaiveTask[] open = [.. tasks.Where(task => task.End < 0)];
            if (open.Length == 0)
                return;
            NaiveTask[] transfers = [.. open.Where(task => task.Kind == 'T' && task.Moving)];
            string[][] routes = [.. transfers.Select(task => Route(links, devices, task))];
            Dictionary<string, long> users = routes.SelectMany(route => route).GroupBy(link => link).ToDictionary(link => link.Key, link => (long)link.Count());
            long[] rates = [.. routes.Select(route => route.Min(link => (long.Parse(link.Split('=')[1]) * 720_720) / users[link]))];
            foreach (NaiveTask task in open)
            {
                if (task.Kind == 'C' && task.Moving)
                    task.Left -= transfers.Any(transfer => transfer.From == task.From || transfer.To == task.From) ? 1_000 - slowdown : 1_000;
                else if (task.Kind != 'C' && task.Start >= 0 && !task.Moving)
                    task.Left--;
            }

            for (int index = 0; index < transfers.Length; index++)
                transfers[index].Left -= rates[index];
            now++;
        }
    }

    // Ends and begins what is due; whether there was anything.
    private static bool Due(ClusterLinks links, List<(int Node, int Local)> devices, NaiveTask[] tasks, long now)
    {
        bool any = false;
        foreach (NaiveTask task in tasks.Where(task => task.End < 0))
        {
            if (task.Kind != 'C' && task.Start < 0 && IsReady(tasks, task))
            {
                task.Start = now;
                task.Left = task.Kind == 'D' ? task.Amount
                    : task.From == task.To ? 0
                    : devices[task.From].Node == devices[task.To].Node ? links.IntraNodeLatency : links.InterNodeLatency;
                any = true;
            }

            if (task.Start < 0 || task.Left > 0 || (task.Kind == 'C' && !task.Moving))
                continue;
            any = true;
            if (task.Kind == 'T' && !task.Moving && task.From != task.To && task.Amount > 0)
                (task.Moving, task.Left) = (true, task.Amount * 8 * 720_720);
            else
                task.End = now;
        }

        return any;
    }

    private static bool IsReady(NaiveTask[] tasks, NaiveTask task) => task.After.All(earlier => tasks[earlier].End >= 0);

    // Each link by a name that ends in its rate in bits a nanosecond.
    private static string[] Route(ClusterLinks links, List<(int Node, int Local)> devices, NaiveTask task)
    {
        ((int from, int sender), (int to, int receiver)) = (devices[task.From], devices[task.To]);
        NodeLinks source = links.Nodes[from], destination = links.Nodes[to];
        long port = source.FabricBytesPerNanosecond * 8;
        if (from == to && source.Fabric == Fabric.Mesh)
            return [$"mesh {task.From} {task.To}={port / (source.Devices - 1)}"];
        if (from == to)
            return [$"port out {task.From}={port}", $"port in {task.To}={port}"];
        List<string> route =
        [
            $"nic out {from} {sender * source.Nics / source.Devices}={source.NicGbps}",
            $"nic in {to} {receiver * destination.Nics / destination.Devices}={destination.NicGbps}",
        ];
        if (source.UplinkGbps > 0)
            route.Add($"up {from}={source.UplinkGbps}");
        if (destination.UplinkGbps > 0)
            route.Add($"down {to}={destination.UplinkGbps}");
        return [.. route];
    }
}
