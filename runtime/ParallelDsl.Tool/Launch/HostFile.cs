using System.Globalization;

namespace ParallelDsl.Tool.Launch;

/// <summary>A machine that ranks run on.</summary>
/// <param name="Name">Its name or address.</param>
/// <param name="Slots">How many ranks it takes.</param>
internal sealed record LaunchHost(string Name, int Slots);

/// <summary>The machines of a run: a line each, <c>NAME slots=N</c>, as Open MPI reads it. Comments start with <c>#</c>.</summary>
internal static class HostFile
{
    private const int MostSlots = 65_536;

    /// <summary>Reads a file and checks all of it: Open MPI passes over what it does not know.</summary>
    /// <exception cref="CommandException">A line is wrong, named with its field; or the machines take fewer ranks than asked for.</exception>
    public static IReadOnlyList<LaunchHost> Read(string path, int ranks)
    {
        var hosts = new List<LaunchHost>();
        string[] lines = InputFile.Read(path).ReplaceLineEndings("\n").Split('\n');
        for (int index = 0; index < lines.Length; index++)
        {
            string[] fields = lines[index].Split('#')[0].Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length == 0)
                continue;
            LaunchHost host = Parse(fields, string.Create(CultureInfo.InvariantCulture, $"{path}:{index + 1}"));
            if (hosts.Exists(other => other.Name == host.Name))
                throw CommandException.BadInput(string.Create(CultureInfo.InvariantCulture, $"{path}:{index + 1}: host: {host.Name} stands above already; give it all its slots in one line"));
            hosts.Add(host);
        }

        if (hosts.Count == 0)
            throw CommandException.BadInput($"{path}: names no host; write a line 'NAME slots=N' for each machine");
        long slots = hosts.Sum(host => (long)host.Slots);
        if (slots < ranks)
            throw CommandException.BadInput(string.Create(CultureInfo.InvariantCulture, $"{path}: slots: there are {slots} for {ranks} ranks; add hosts or slots"));
        return hosts;
    }

    private static LaunchHost Parse(string[] fields, string place)
    {
        string name = fields[0];
        if (!name.All(character => char.IsAsciiLetterOrDigit(character) || character is '.' or '-' or '_' or ':') || name[0] == '-')
            throw CommandException.BadInput($"{place}: host: '{name}' is not the name or address of a machine");
        int slots = 1;
        for (int index = 1; index < fields.Length; index++)
        {
            string[] pair = fields[index].Split('=');
            if (pair.Length != 2 || pair[0] != "slots")
                throw CommandException.BadInput($"{place}: '{fields[index]}' is not known; a line is 'NAME slots=N'{NearestNames.Suggest(pair[0], ["slots"])}");
            if (!int.TryParse(pair[1], NumberStyles.None, CultureInfo.InvariantCulture, out slots) || slots is < 1 or > MostSlots)
                throw CommandException.BadInput(string.Create(CultureInfo.InvariantCulture, $"{place}: slots: expected a whole number from 1 to {MostSlots}, found '{pair[1]}'"));
        }

        return new LaunchHost(name, slots);
    }
}
