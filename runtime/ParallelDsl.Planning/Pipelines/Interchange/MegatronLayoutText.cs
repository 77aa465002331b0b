using System.Text;
using ParallelDsl.Planning.Json;
using static System.FormattableString;

namespace ParallelDsl.Planning.Pipelines;

/// <summary>Megatron-LM's layout strings: <c>|</c> between two stages, a letter a layer (E, t, m, L), <c>t*3</c> for <c>ttt</c>,
/// <c>(tt|)*29</c> for 29 times what the parentheses hold; commas mean nothing. DeepSeek-V3 with its 61 layers is
/// <c>Et*3|(tt|)*29,m|L</c>, 32 stages. Read as megatron/core/transformer/pipeline_parallel_layer_layout.py does, except that a count of 0
/// and <c>(t)*2*3</c>, which that takes, are errors.</summary>
public static class MegatronLayoutText
{
    /// <summary>No layout has more layers and ends of stages than this.</summary>
    public const int MaximumLength = 100_000;

    // In the order of MegatronLayer.
    private const string Letters = "EtmL";

    /// <summary>The layout that <paramref name="text"/> describes, or the first error in it, with its column. No other exception than for a
    /// null text. Whether the layers are in an order that Megatron-LM can train is <see cref="MegatronLayout.Fault"/>'s to say.</summary>
    public static Parsed<MegatronLayout> Parse(string text)
    {
        try
        {
            return new(ToLayout(new Reader(text).Read()), null);
        }
        catch (TextException exception)
        {
            return new(null, exception.Error);
        }
    }

    /// <summary>The shortest text of this form: runs of a layer as <c>t*3</c>, of equal stages as <c>(tt|)*29</c>, where that is shorter.
    /// <see cref="Parse"/> reads it back as an equal layout.</summary>
    /// <exception cref="ArgumentException">The layout has no stages, or only one and that without layers: there is no text for
    /// it.</exception>
    public static string Write(MegatronLayout layout)
    {
        EquatableArray<MegatronStage> stages = layout.Stages;
        if (stages.Count == 0 || (stages.Count == 1 && stages[0].Layers.Count == 0))
            throw new ArgumentException("a layout without layers has no text", nameof(layout));
        var text = new StringBuilder();
        int last = stages.Count - 1;
        for (int stage = 0, end; stage < last; stage = end)
        {
            end = stage + 1;
            while (end < last && stages[end].Equals(stages[stage]))
                end++;
            string once = Write(stages[stage]) + "|";
            string group = Invariant($"({once})*{end - stage}");
            bool shorter = group.Length < once.Length * (end - stage);
            for (int i = stage; i < (shorter ? stage + 1 : end); i++)
                text.Append(shorter ? group : once);

            // For the eye only, as Megatron-LM's own examples have it.
            if (shorter && (end < last || stages[last].Layers.Count > 0))
                text.Append(',');
        }

        return text.Append(Write(stages[last])).ToString();
    }

    private static string Write(MegatronStage stage)
    {
        var text = new StringBuilder();
        for (int first = 0, end; first < stage.Layers.Count; first = end)
        {
            end = first + 1;
            while (end < stage.Layers.Count && stage.Layers[end] == stage.Layers[first])
                end++;
            char letter = Letters[(int)stage.Layers[first]];
            text.Append(end - first < 3 ? new string(letter, end - first) : Invariant($"{letter}*{end - first}"));
        }

        return text.ToString();
    }

    private static MegatronLayout ToLayout(string plain)
    {
        string[] stages = plain.Split('|');
        return new MegatronLayout(stages
            .Select(stage => new MegatronStage(stage.Select(letter => (MegatronLayer)Letters.IndexOf(letter)).ToEquatableArray()))
            .ToEquatableArray());
    }

    // Unrolls all that is repeated: what is left are letters and bars.
    private sealed class Reader
    {
        // The text without its commas, and the column of each character and of the end.
        private readonly string _text;
        private readonly List<int> _columns = [];
        private int _position;

        public Reader(string text)
        {
            var kept = new StringBuilder();
            for (int i = 0; i < text.Length; i++)
            {
                if (text[i] == ',')
                    continue;
                kept.Append(text[i]);
                _columns.Add(i + 1);
            }

            _columns.Add(text.Length + 1);
            _text = kept.ToString();
        }

        private char Current => _position < _text.Length ? _text[_position] : '\0';

        public string Read()
        {
            if (_text.Length == 0)
                throw Error(_position, "the layout is empty; expected stages of E, t, m and L with | between two");
            var plain = new StringBuilder();
            while (_position < _text.Length)
            {
                int start = _position;
                string block = Current == '(' ? ReadGroup() : ReadSingle();
                Append(plain, block, ReadCount(required: _text[start] == '('), start);
            }

            return plain.ToString();
        }

        private string ReadGroup()
        {
            int start = _position++;
            var block = new StringBuilder();
            while (Current != ')')
            {
                if (_position >= _text.Length)
                    throw Error(start, "the parenthesis is not closed");
                if (Current == '(')
                    throw Error(_position, "a parenthesis cannot stand inside another");
                int item = _position;
                string single = ReadSingle();
                Append(block, single, ReadCount(required: false), item);
            }

            if (block.Length == 0)
                throw Error(start, "the parentheses hold nothing");
            _position++;
            return block.ToString();
        }

        private string ReadSingle()
        {
            if (Current == ')')
                throw Error(_position, "the parenthesis was not opened");
            if (Current == '*')
                throw Error(_position, "'*' stands after no layer, stage or group");
            if (Current != '|' && Letters.IndexOf(Current) < 0)
            {
                throw Error(
                    _position, $"'{OneLine.Of(Current.ToString())}' is no layer; known are E embedding, t transformer, m MTP, L loss");
            }

            return _text[_position++].ToString();
        }

        // What stands after *, or 1.
        private int ReadCount(bool required)
        {
            if (Current != '*')
                return required ? throw Error(_position, "expected '*' and a count after ')'") : 1;
            int start = ++_position;
            int count = 0;
            for (; Current is >= '0' and <= '9'; _position++)
                count = Math.Min((count * 10) + (Current - '0'), MaximumLength + 1);
            if (_position == start)
                throw Error(start, "expected a count after '*'");
            return count > 0 ? count : throw Error(start, "a count of 0; leave the layer or group out");
        }

        private void Append(StringBuilder text, string block, int count, int start)
        {
            if (text.Length + ((long)block.Length * count) > MaximumLength)
                throw Error(start, Invariant($"with this the layout has more than {MaximumLength} layers and stages"));
            for (int i = 0; i < count; i++)
                text.Append(block);
        }

        private TextException Error(int position, string message) => new(new TextError(1, _columns[position], "", message));
    }
}
