using System.Text;
using static System.FormattableString;

namespace ParallelDsl.Planning.Json;

/// <summary>Reads JSON (RFC 8259), strictly: no comments, no trailing commas, no duplicate names, nothing after the value, and no more
/// than 64 levels. Every error has its place.</summary>
internal sealed class JsonReader
{
    private const int MaximumDepth = 64;

    private readonly string _text;
    private int _position;
    private int _line = 1;
    private int _lineStart;
    private string _path = "";

    private JsonReader(string text) => _text = text;

    /// <summary>The value that <paramref name="text"/> describes.</summary>
    /// <exception cref="TextException">The text is not JSON.</exception>
    public static JsonValue Read(string text)
    {
        var reader = new JsonReader(text);
        if (text.Length > 0 && text[0] == '\uFEFF')
            reader._position = reader._lineStart = 1;
        reader.SkipSpace();
        JsonValue value = reader.ReadValue(0);
        reader.SkipSpace();
        if (reader._position < text.Length)
            throw reader.Error($"expected the end, found {reader.Found()}");
        return value;
    }

    private char Current => _position < _text.Length ? _text[_position] : '\0';

    private int Column => _position - _lineStart + 1;

    private TextException Error(string message) => new(new TextError(_line, Column, _path, message));

    private string Found() => _position >= _text.Length ? "the end of the text"
        : Current is >= ' ' and <= '~' ? $"'{Current}'"
        : Invariant($"the character U+{(int)Current:X4}");

    private void SkipSpace()
    {
        for (; _position < _text.Length && Current is ' ' or '\t' or '\n' or '\r'; _position++)
        {
            if (Current == '\n')
                (_line, _lineStart) = (_line + 1, _position + 1);
        }
    }

    private JsonValue ReadValue(int depth)
    {
        if (depth > MaximumDepth)
            throw Error(Invariant($"more than {MaximumDepth} levels"));
        if (_position >= _text.Length)
            throw Error("expected a value, found the end of the text");
        switch (Current)
        {
            case '{':
                return ReadObject(depth);
            case '[':
                return ReadArray(depth);
            case '"':
                (int line, int column) = (_line, Column);
                return new JsonValue(JsonKind.Text, line, column, _path) { Content = ReadText() };
            case 't':
                return ReadWord("true", JsonKind.Boolean);
            case 'f':
                return ReadWord("false", JsonKind.Boolean);
            case 'n':
                return ReadWord("null", JsonKind.Null);
            case '-' or (>= '0' and <= '9'):
                return ReadNumber();
            default:
                throw Error($"expected a value, found {Found()}");
        }
    }

    private JsonValue ReadWord(string word, JsonKind kind)
    {
        if (string.CompareOrdinal(_text, _position, word, 0, word.Length) != 0)
            throw Error($"expected {word}");
        var value = new JsonValue(kind, _line, Column, _path) { Content = word };
        _position += word.Length;
        return value;
    }

    private JsonValue ReadObject(int depth)
    {
        var value = new JsonValue(JsonKind.Object, _line, Column, _path);
        string path = _path;
        var names = new HashSet<string>(StringComparer.Ordinal);
        _position++;
        SkipSpace();
        while (value.Members.Count > 0 || Current != '}')
        {
            if (Current != '"')
                throw Error(value.Members.Count == 0 ? $"expected a name or '}}', found {Found()}" : $"expected a name, found {Found()}");
            var place = new TextError(_line, Column, path, "");
            string name = ReadText();
            _path = path.Length == 0 ? OneLine.Of(name) : $"{path}.{OneLine.Of(name)}";
            if (!names.Add(name))
                throw new TextException(place with { Field = _path, Message = "the name stands here a second time" });
            SkipSpace();
            Expect(':');
            SkipSpace();
            value.Members.Add((name, ReadValue(depth + 1), place with { Field = _path }));
            _path = path;
            SkipSpace();
            if (Current != ',')
                break;
            _position++;
            SkipSpace();
        }

        ExpectEnd('}');
        return value;
    }

    private JsonValue ReadArray(int depth)
    {
        var value = new JsonValue(JsonKind.Array, _line, Column, _path);
        string path = _path;
        _position++;
        SkipSpace();
        while (value.Items.Count > 0 || Current != ']')
        {
            _path = Invariant($"{path}[{value.Items.Count}]");
            value.Items.Add(ReadValue(depth + 1));
            _path = path;
            SkipSpace();
            if (Current != ',')
                break;
            _position++;
            SkipSpace();
        }

        ExpectEnd(']');
        return value;
    }

    private void Expect(char character)
    {
        if (Current != character)
            throw Error($"expected '{character}', found {Found()}");
        _position++;
    }

    private void ExpectEnd(char character)
    {
        if (Current != character)
            throw Error($"expected ',' or '{character}', found {Found()}");
        _position++;
    }

    private string ReadText()
    {
        var content = new StringBuilder();
        _position++;
        while (Current != '"')
        {
            if (_position >= _text.Length)
                throw Error("the text ends inside quotes");
            if (Current < ' ')
                throw Error($"{Found()} cannot stand inside quotes; write it as an escape");
            content.Append(Current == '\\' ? ReadEscape() : Current);
            _position++;
        }

        _position++;
        return content.ToString();
    }

    // Leaves the position at the last character of the escape.
    private char ReadEscape()
    {
        _position++;
        int index = "\"\\/bfnrt".IndexOf(Current);
        if (index >= 0 && Current != '\0')
            return "\"\\/\b\f\n\r\t"[index];
        if (Current != 'u')
            throw Error($"expected an escape (one of \" \\ / b f n r t u), found {Found()}");
        int code = 0;
        for (int digit = 0; digit < 4; digit++)
        {
            _position++;
            int value = Current switch
            {
                >= '0' and <= '9' => Current - '0',
                >= 'a' and <= 'f' => Current - 'a' + 10,
                >= 'A' and <= 'F' => Current - 'A' + 10,
                _ => throw Error($"expected a hexadecimal digit, found {Found()}"),
            };
            code = (code * 16) + value;
        }

        return (char)code;
    }

    private JsonValue ReadNumber()
    {
        (int start, int column) = (_position, Column);
        if (Current == '-')
            _position++;
        if (Current == '0')
        {
            _position++;
            if (Current is >= '0' and <= '9')
                throw Error("a number has no leading zeros");
        }
        else
        {
            SkipDigits();
        }

        if (Current == '.')
        {
            _position++;
            SkipDigits();
        }

        if (Current is 'e' or 'E')
        {
            _position++;
            if (Current is '+' or '-')
                _position++;
            SkipDigits();
        }

        return new JsonValue(JsonKind.Number, _line, column, _path) { Content = _text.Substring(start, _position - start) };
    }

    private void SkipDigits()
    {
        if (Current is not (>= '0' and <= '9'))
            throw Error($"expected a digit, found {Found()}");
        while (Current is >= '0' and <= '9')
            _position++;
    }
}
