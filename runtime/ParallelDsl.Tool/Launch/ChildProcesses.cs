using System.Globalization;

namespace ParallelDsl.Tool.Launch;

/// <summary>The processes that a process has started, as Linux tells.</summary>
internal static class ChildProcesses
{
    /// <summary>Their ids.</summary>
    public static IReadOnlyList<int> Of(int parent)
    {
        var children = new List<int>();
        foreach (string folder in Directory.Exists("/proc") ? Directory.GetDirectories("/proc") : [])
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int id))
                continue;
            try
            {
                // "ID (NAME) STATE PARENT ...", and a name may hold anything.
                string status = File.ReadAllText(Path.Combine(folder, "stat"));
                string[] fields = status[(status.LastIndexOf(')') + 2)..].Split(' ');
                if (int.Parse(fields[1], CultureInfo.InvariantCulture) == parent)
                    children.Add(id);
            }
            catch (IOException)
            {
                // It has just ended.
            }
        }

        return children;
    }
}
