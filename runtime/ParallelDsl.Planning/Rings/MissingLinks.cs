using System.Globalization;
using ParallelDsl.Planning.Json;
using static System.FormattableString;

namespace ParallelDsl.Planning.Rings;

/// <summary>A link from one device to another.</summary>
/// <param name="From">Who sends.</param>
/// <param name="To">Who receives.</param>
public readonly record struct DeviceLink(int From, int To)
{
    /// <inheritdoc/>
    public override string ToString() => Invariant($"{From}>{To}");
}

/// <summary>Links that are not there, or that are down.</summary>
public static class MissingLinks
{
    /// <summary>Reads links with commas between them: <c>2-5</c> both ways, <c>2>5</c> one way.</summary>
    /// <param name="text">The links.</param>
    /// <param name="devices">How many devices there are.</param>
    public static Parsed<IReadOnlyList<DeviceLink>> Parse(string text, int devices)
    {
        var links = new List<DeviceLink>();
        var known = new HashSet<DeviceLink>();
        int column = 1;
        foreach (string item in text.Split(','))
        {
            if (Read(item.Trim(), devices, links, known) is { } fault)
                return new Parsed<IReadOnlyList<DeviceLink>>(null, new TextError(1, column, "", fault));
            column += item.Length + 1;
        }

        return new Parsed<IReadOnlyList<DeviceLink>>(links, null);
    }

    private static string? Read(string item, int devices, List<DeviceLink> links, HashSet<DeviceLink> known)
    {
        int sign = item.IndexOfAny(['-', '>']);
        if (sign < 0
            || !int.TryParse(item.Substring(0, sign).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int from)
            || !int.TryParse(item.Substring(sign + 1).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int to))
        {
            return $"expected a link as in 2-5 (both ways) or 2>5 (one way), found '{item}'";
        }

        if (from >= devices || to >= devices)
            return Invariant($"the link {item} has a device that is none of 0 to {devices - 1}");
        if (from == to)
            return $"the link {item} is from a device to itself";
        foreach (DeviceLink link in item[sign] == '-' ? new[] { new DeviceLink(from, to), new DeviceLink(to, from) } : [new DeviceLink(from, to)])
        {
            if (!known.Add(link))
                return $"the link {link} stands there twice";
            links.Add(link);
        }

        return null;
    }
}
