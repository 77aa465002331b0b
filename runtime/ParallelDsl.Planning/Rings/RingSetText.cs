using System.Globalization;
using ParallelDsl.Planning.Json;
using static System.FormattableString;

namespace ParallelDsl.Planning.Rings;

/// <summary>Ring sets as people and RCCL's models of machines write them: the devices of a ring with spaces between them, rings on lines of
/// their own or with <c>|</c> between them, <c>#</c> before a remark. A ring that begins and ends with a network interface,
/// <c>N0 0 1 2 3 N3</c>, is a path of the devices of one node; nodes are then joined end to start of the same path.</summary>
/// <remarks>A set may have fewer rings than there could be. Two rings over the same link are refused: each would have half of it.</remarks>
public static class RingSetText
{
    /// <summary>Reads a set.</summary>
    /// <param name="text">The text.</param>
    /// <param name="devices">How many devices there are in all.</param>
    /// <param name="nodes">Over how many nodes they are spread evenly.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 2 devices, or nodes that do not divide them.</exception>
    public static Parsed<RingSet> Parse(string text, int devices, int nodes)
    {
        if (devices < 2 || nodes < 1 || devices % nodes != 0)
            throw new ArgumentOutOfRangeException(nameof(nodes), Invariant($"{devices} devices on {nodes} nodes"));
        try
        {
            return new Parsed<RingSet>(Read(text, devices, nodes), null);
        }
        catch (TextException exception)
        {
            return new Parsed<RingSet>(null, exception.Error);
        }
    }

    /// <summary>Whether the first ring is a path of one node.</summary>
    internal static bool IsPath(string text) => Split(text).FirstOrDefault() is { HasInterfaces: true };

    /// <summary>How many devices the first ring has, whatever they are.</summary>
    internal static int DevicesOf(string text) => Split(text).FirstOrDefault() is { } first ? first.Words.Count - (first.HasInterfaces ? 2 : 0) : 0;

    private static RingSet Read(string text, int devices, int nodes)
    {
        List<RingLine> lines = Split(text);
        if (lines.Count == 0)
            throw Fault(1, 1, "", "there are no rings; write the devices of one in a line, as in 0 1 2 3");
        bool paths = lines[0].HasInterfaces;
        int length = paths ? devices / nodes : devices;
        var first = new Dictionary<(int From, int To), int>();
        var starts = new Dictionary<int, int>();
        var ends = new Dictionary<int, int>();
        for (int ring = 0; ring < lines.Count; ring++)
        {
            RingLine line = lines[ring];
            if (line.HasInterfaces != paths)
                throw line.Fault(ring, paths ? "has no network interfaces at its ends, as ring 0 has" : "has network interfaces at its ends, as ring 0 has not");
            int[] order = line.ReadDevices(ring, length);
            for (int i = 0; i < (paths ? length - 1 : length); i++)
            {
                (int from, int to) = (order[i], order[(i + 1) % length]);
                if (first.TryGetValue((from, to), out int other))
                    throw line.Fault(ring, Invariant($"goes from {from} to {to}, as ring {other} at line {lines[other].Line}, column {lines[other].Column} does"));
                first.Add((from, to), ring);
            }

            if (!paths)
                continue;
            RefuseSecond(starts, order[0], "starts", lines, ring);
            RefuseSecond(ends, order[length - 1], "ends", lines, ring);
        }

        return new RingSet(
            paths ? RingSetKind.Paths : RingSetKind.Cycles,
            devices,
            nodes,
            lines.Select((line, ring) => OverNodes(line.ReadDevices(ring, length), paths ? nodes : 1)).ToEquatableArray());
    }

    private static void RefuseSecond(Dictionary<int, int> taken, int device, string verb, List<RingLine> lines, int ring)
    {
        if (taken.TryGetValue(device, out int other))
            throw lines[ring].Fault(ring, Invariant($"{verb} at {device}, as ring {other} at line {lines[other].Line}, column {lines[other].Column} does"));
        taken.Add(device, ring);
    }

    private static EquatableArray<int> OverNodes(int[] path, int nodes)
    {
        var ring = new int[path.Length * nodes];
        for (int i = 0; i < ring.Length; i++)
            ring[i] = (i / path.Length * path.Length) + path[i % path.Length];
        return new EquatableArray<int>(ring);
    }

    private static List<RingLine> Split(string text)
    {
        var rings = new List<RingLine>();
        string[] lines = text.Split('\n');
        for (int line = 0; line < lines.Length; line++)
        {
            int remark = lines[line].IndexOf('#');
            string content = remark < 0 ? lines[line] : lines[line].Substring(0, remark);
            int column = 1;
            foreach (string part in content.Split('|'))
            {
                RingLine ring = RingLine.Split(part, line + 1, column);
                if (ring.Words.Count > 0)
                    rings.Add(ring);
                column += part.Length + 1;
            }
        }

        return rings;
    }

    private static TextException Fault(int line, int column, string field, string message) => new(new TextError(line, column, field, message));

    private readonly record struct Word(string Text, int Column)
    {
        public bool IsInterface => Text.Length > 1 && Text[0] == 'N' && Text.Skip(1).All(digit => digit is >= '0' and <= '9');
    }

    private sealed record RingLine(List<Word> Words, int Line)
    {
        public int Column => Words[0].Column;

        public bool HasInterfaces => Words.Count > 2 && Words[0].IsInterface && Words[Words.Count - 1].IsInterface;

        public static RingLine Split(string text, int line, int column)
        {
            var words = new List<Word>();
            for (int start = 0; start < text.Length;)
            {
                int end = start;
                while (end < text.Length && !IsSpace(text[end]))
                    end++;
                if (end > start)
                    words.Add(new Word(text.Substring(start, end - start), column + start));
                start = end + 1;
            }

            return new RingLine(words, line);
        }

        public TextException Fault(int ring, string message) => RingSetText.Fault(Line, Column, Name(ring), message);

        public int[] ReadDevices(int ring, int length)
        {
            IEnumerable<Word> words = HasInterfaces ? Words.Skip(1).Take(Words.Count - 2) : Words;
            var seen = new bool[length];
            var order = new List<int>();
            foreach (Word word in words)
            {
                if (!int.TryParse(word.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int device) || device >= length)
                    throw RingSetText.Fault(Line, word.Column, Name(ring), Invariant($"expected a device from 0 to {length - 1}, found '{word.Text}'"));
                if (seen[device])
                    throw RingSetText.Fault(Line, word.Column, Name(ring), Invariant($"device {device} stands there twice"));
                seen[device] = true;
                order.Add(device);
            }

            int missing = Array.IndexOf(seen, false);
            return missing < 0 ? [.. order] : throw Fault(ring, Invariant($"leaves out device {missing}; it needs all {length}"));
        }

        private static string Name(int ring) => Invariant($"ring {ring}");

        private static bool IsSpace(char character) => character is ' ' or '\t' or '\r' or ',';
    }
}
