using System.Globalization;
using System.Text;

namespace ParallelDsl.Planning.Json;

/// <summary>Decimal numbers as whole numbers of a unit, exactly: no digit is lost before the one rounding at the end.</summary>
internal static class DecimalText
{
    // More than any number of digits that a text in memory can have: an exponent past it changes nothing.
    private const long FarExponent = 10_000_000_000;

    /// <summary>A number that is not negative, in units of 10 to the power of minus <paramref name="decimals"/>, rounded to nearest and
    /// away from zero where two are as near.</summary>
    /// <param name="number">A number as JSON writes it.</param>
    /// <param name="decimals">The decimals of the unit; -1 is tens.</param>
    /// <returns>Null when the number is negative or leaves 64 bits.</returns>
    public static long? ToUnits(string number, int decimals)
    {
        int end = number.IndexOfAny(['e', 'E']);
        string mantissa = end < 0 ? number : number.Substring(0, end);
        bool negative = mantissa[0] == '-';
        int point = mantissa.IndexOf('.');
        var digits = new StringBuilder(mantissa).Replace("-", "").Replace(".", "");
        int zeros = 0;
        while (zeros < digits.Length && digits[zeros] == '0')
            zeros++;
        if (zeros == digits.Length)
            return 0;
        if (negative)
            return null;

        // The value in units is 0.d1d2d3... times 10 to this power, where d1 is not zero.
        long power = (point < 0 ? digits.Length : point) - zeros + (end < 0 ? 0 : Exponent(number.Substring(end + 1))) + decimals;
        if (power < 0)
            return 0;
        if (power > 19)
            return null;
        decimal units = 0;
        for (int i = 0; i < power; i++)
            units = (units * 10) + (zeros + i < digits.Length ? digits[zeros + i] - '0' : 0);
        bool up = zeros + power < digits.Length && digits[zeros + (int)power] >= '5';
        units += up ? 1 : 0;
        return units <= long.MaxValue ? decimal.ToInt64(units) : null;
    }

    /// <summary>The decimal that <see cref="ToUnits"/> reads back as <paramref name="units"/>.</summary>
    public static string FromUnits(long units, int decimals)
    {
        string digits = units.ToString(CultureInfo.InvariantCulture).PadLeft(decimals + 1, '0');
        string fraction = digits.Substring(digits.Length - decimals).TrimEnd('0');
        string whole = digits.Substring(0, digits.Length - decimals);
        return fraction.Length == 0 ? whole : $"{whole}.{fraction}";
    }

    private static long Exponent(string text)
    {
        bool negative = text[0] == '-';
        long value = 0;
        foreach (char digit in text.TrimStart('-', '+'))
            value = Math.Min((value * 10) + (digit - '0'), FarExponent);
        return negative ? -value : value;
    }
}
