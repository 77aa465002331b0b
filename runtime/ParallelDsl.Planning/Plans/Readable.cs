using System.Globalization;

namespace ParallelDsl.Planning.Plans;

/// <summary>Numbers as people read them: three significant digits and a unit, the same text on every machine. <see cref="decimal"/>
/// throughout, because the compiler host may be an older .NET whose <see cref="double"/> rounds differently.</summary>
public static class Readable
{
    private static readonly string[] CountUnits = ["", " K", " M", " B", " T", " Q"];
    private static readonly string[] ByteUnits = [" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"];
    private static readonly string[] FlopUnits = [" FLOP", " KFLOP", " MFLOP", " GFLOP", " TFLOP", " PFLOP", " EFLOP"];
    private static readonly string[] DurationUnits = [" ns", " us", " ms", " s"];

    /// <summary>A count of parameters, tokens and the like: <c>950</c>, <c>98.8 M</c>, <c>7.25 B</c>.</summary>
    public static string Count(long value) => Scale(value, 1000, CountUnits);

    /// <summary>Bytes: <c>512 B</c>, <c>79.6 GiB</c>.</summary>
    public static string Bytes(long value) => Scale(value, 1024, ByteUnits);

    /// <summary>Floating-point operations: <c>3.21 TFLOP</c>.</summary>
    public static string Flops(long value) => Scale(value, 1000, FlopUnits);

    /// <summary>A duration in nanoseconds: <c>950 ns</c>, <c>12.3 us</c>, <c>1.04 ms</c>, <c>7.50 s</c>.</summary>
    public static string Duration(long nanoseconds) => Scale(nanoseconds, 1000, DurationUnits);

    /// <summary>The number in full, with commas between thousands: <c>8,192</c>.</summary>
    public static string Exact(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>The number in full and what it counts: <c>1 rank</c>, <c>8 ranks</c>.</summary>
    /// <param name="value">The number.</param>
    /// <param name="noun">A noun whose plural ends in s.</param>
    public static string Exact(long value, string noun) => Exact(value) + " " + noun + (value == 1 ? "" : "s");

    /// <summary>A share of a whole with one decimal: <c>12.5 %</c>; <c>-</c> where the whole is not positive.</summary>
    public static string Percent(long part, long whole) =>
        whole <= 0 ? "-" : (100m * part / whole).ToString("0.0", CultureInfo.InvariantCulture) + " %";

    private static string Scale(long value, int step, string[] units)
    {
        decimal scaled = value;
        int unit = 0;
        // 999.5 would be written as 1000 with three digits, so it already belongs to the next unit.
        while (unit < units.Length - 1 && Math.Abs(scaled) >= (unit == 0 ? step : 999.5m))
        {
            scaled /= step;
            unit++;
        }

        decimal size = Math.Abs(scaled);
        string format = unit == 0 || size >= 99.95m ? "#,0" : size >= 9.995m ? "0.0" : "0.00";
        return scaled.ToString(format, CultureInfo.InvariantCulture) + units[unit];
    }
}
