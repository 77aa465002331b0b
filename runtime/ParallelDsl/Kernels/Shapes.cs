using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace ParallelDsl.Kernels;

/// <summary>Checks of operand shapes: the message names the operand, the shape it has and the shape it must have.</summary>
internal static class Shapes
{
    /// <summary>Requires an exact shape.</summary>
    public static void Require(Matrix matrix, int rows, int columns, [CallerArgumentExpression(nameof(matrix))] string name = "")
    {
        if (matrix.Rows != rows || matrix.Columns != columns)
            Throw(name, matrix.ToString(), $"[{rows} x {columns}]");
    }

    /// <summary>Requires two equal shapes.</summary>
    public static void RequireSame(
        Matrix expected, Matrix matrix,
        [CallerArgumentExpression(nameof(expected))] string expectedName = "",
        [CallerArgumentExpression(nameof(matrix))] string name = "")
    {
        if (matrix.Rows != expected.Rows || matrix.Columns != expected.Columns)
            Throw(name, matrix.ToString(), $"{expected}, the shape of {expectedName}");
    }

    /// <summary>Requires a length.</summary>
    public static void RequireLength(long actual, long expected, string name)
    {
        if (actual != expected)
            Throw(name, $"{actual} elements", $"{expected}");
    }

    [DoesNotReturn]
    private static void Throw(string name, string actual, string expected) =>
        throw new ArgumentException($"{name} is {actual} but must be {expected}.", name);
}
