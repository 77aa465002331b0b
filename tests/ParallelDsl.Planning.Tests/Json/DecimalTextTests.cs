using System.Globalization;
using System.Numerics;
using CsCheck;
using ParallelDsl.Planning.Json;

namespace ParallelDsl.Planning.Tests.Json;

public class DecimalTextTests
{
    [Theory]
    [InlineData("0", 2, 0L)]
    [InlineData("-0.000e5", 2, 0L)]
    [InlineData("0e99999999999999999999999", 2, 0L)]
    [InlineData("1", 2, 100L)]
    [InlineData("0.7589", 2, 76L)]
    [InlineData("0.005", 2, 1L)]
    [InlineData("0.0049999999999999999999999999999999999999999999999", 2, 0L)]
    [InlineData("0.015", 2, 2L)]
    [InlineData("1.004999", 2, 100L)]
    [InlineData("0.00000005e5", 2, 1L)]
    [InlineData("12E+1", 2, 12_000L)]
    [InlineData("12E-1", 2, 120L)]
    [InlineData("4.999", -1, 0L)]
    [InlineData("5", -1, 1L)]
    [InlineData("14.9", -1, 1L)]
    [InlineData("15", -1, 2L)]
    [InlineData("9223372036854775807", 0, long.MaxValue)]
    [InlineData("92233720368547758.07", 2, long.MaxValue)]
    [InlineData("1e-99999999999999999999999", 2, 0L)]
    [InlineData("9223372036854775807.5", 0, null)]
    [InlineData("9223372036854775808", 0, null)]
    [InlineData("99999999999999999999", 0, null)]
    [InlineData("1e99999999999999999999999", 2, null)]
    [InlineData("-0.001", 2, null)]
    [InlineData("-1e-99", 2, null)]
    public void Rounds_to_nearest_and_away_from_zero(string number, int decimals, long? units) =>
        Assert.Equal(units, DecimalText.ToUnits(number, decimals));

    [Fact]
    public void Equals_arithmetic_with_large_integers() => Cases.Check(
        from digits in Gen.Char['0', '9'].Array[1, 30]
        from point in Gen.Int[1, 30]
        from exponent in Gen.Int[-12, 12]
        from decimals in Gen.Int[-1, 3]
        select (new string(digits), point, exponent, decimals),
        5_000,
        input =>
        {
            (string digits, int point, int exponent, int decimals) = input;
            point = Math.Min(point, digits.Length);
            string fraction = digits[point..];
            string power10 = exponent.ToString(CultureInfo.InvariantCulture);
            string number = $"{digits[..point]}{(fraction.Length > 0 ? "." : "")}{fraction}e{power10}";

            // Twice the value in units, and one more, halved: rounds half away from zero.
            int power = exponent + decimals - fraction.Length;
            BigInteger value = BigInteger.Parse(digits, CultureInfo.InvariantCulture) * 2 * BigInteger.Pow(10, Math.Max(power, 0));
            BigInteger scale = BigInteger.Pow(10, Math.Max(-power, 0));
            BigInteger units = (value + scale) / (2 * scale);
            Assert.Equal(units <= long.MaxValue ? (long)units : null, DecimalText.ToUnits(number, decimals));
        });

    [Theory]
    [InlineData(0L, "0")]
    [InlineData(1L, "0.01")]
    [InlineData(10L, "0.1")]
    [InlineData(100L, "1")]
    [InlineData(12_345L, "123.45")]
    [InlineData(long.MaxValue, "92233720368547758.07")]
    public void Writes_without_needless_zeros(long units, string text)
    {
        Assert.Equal(text, DecimalText.FromUnits(units, 2));
        Assert.Equal(units, DecimalText.ToUnits(text, 2));
    }
}
