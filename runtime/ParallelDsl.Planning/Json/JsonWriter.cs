using System.Globalization;
using System.Text;

namespace ParallelDsl.Planning.Json;

/// <summary>Writes JSON, either compact, which digests are made of, or indented by two spaces, where rows stand on one line.</summary>
internal sealed class JsonWriter(bool compact)
{
    private readonly StringBuilder _text = new();

    // Of each open container: whether it is a row, and whether it has something in it.
    private readonly Stack<(bool Row, bool Used, char End)> _open = new();
    private bool _named;

    public override string ToString() => compact ? _text.ToString() : _text.ToString() + "\n";

    public JsonWriter Name(string name)
    {
        Separate();
        Quote(name);
        _text.Append(compact ? ":" : ": ");
        _named = true;
        return this;
    }

    /// <summary>Opens an object; a row stays on one line, with all that is in it.</summary>
    public JsonWriter Object(bool row = false) => Open('{', '}', row);

    /// <summary>Opens an array; a row stays on one line, with all that is in it.</summary>
    public JsonWriter Array(bool row = false) => Open('[', ']', row);

    public JsonWriter End()
    {
        (bool row, bool used, char end) = _open.Pop();
        if (used && !row)
            NewLine();
        else if (used && !compact && end == '}')
            _text.Append(' ');
        _text.Append(end);
        return this;
    }

    public JsonWriter Member(string name, string value)
    {
        Name(name)._named = false;
        Quote(value);
        return this;
    }

    public JsonWriter Member(string name, long value)
    {
        Name(name)._named = false;
        _text.Append(value.ToString(CultureInfo.InvariantCulture));
        return this;
    }

    /// <summary>A number in units of 10 to the power of minus <paramref name="decimals"/>, as a decimal without needless zeros.</summary>
    public JsonWriter Member(string name, long units, int decimals)
    {
        Name(name)._named = false;
        _text.Append(DecimalText.FromUnits(units, decimals));
        return this;
    }

    public JsonWriter Member(string name, bool value)
    {
        Name(name)._named = false;
        _text.Append(value ? "true" : "false");
        return this;
    }

    public JsonWriter Member<T>(string name, T value)
        where T : struct, Enum => Member(name, value.ToString());

    public JsonWriter Item(string value)
    {
        Separate();
        Quote(value);
        return this;
    }

    public JsonWriter Item(long value)
    {
        Separate();
        _text.Append(value.ToString(CultureInfo.InvariantCulture));
        return this;
    }

    private JsonWriter Open(char start, char end, bool row)
    {
        if (_named)
            _named = false;
        else if (_open.Count > 0)
            Separate();
        _text.Append(start);
        _open.Push((compact || row || (_open.Count > 0 && _open.Peek().Row), false, end));
        return this;
    }

    private void Separate()
    {
        (bool row, bool used, char end) = _open.Pop();
        _open.Push((row, true, end));
        if (used)
            _text.Append(',');
        if (!row)
            NewLine();
        else if (!compact && (used || end == '}'))
            _text.Append(' ');
    }

    private void NewLine() => _text.Append('\n').Append(' ', 2 * _open.Count);

    private void Quote(string value)
    {
        _text.Append('"');
        for (int i = 0; i < value.Length; i++)
        {
            char character = value[i];
            bool pair = char.IsHighSurrogate(character) && i + 1 < value.Length && char.IsLowSurrogate(value[i + 1]);
            if (pair)
                _text.Append(character).Append(value[++i]);
            else if (character is '"' or '\\')
                _text.Append('\\').Append(character);
            else if (character < ' ' || character == '\u007F' || char.IsSurrogate(character) || character is '\u2028' or '\u2029')
                _text.Append("\\u").Append(((int)character).ToString("x4", CultureInfo.InvariantCulture));
            else
                _text.Append(character);
        }

        _text.Append('"');
    }
}
