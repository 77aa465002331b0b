using CsCheck;
using Xunit.Sdk;

namespace ParallelDsl.Planning.Tests;

/// <summary>Runs a property over generated cases that are the same on every machine and in every run.</summary>
internal static class Cases
{
    public static void Check<T>(Gen<T> gen, int count, Action<T> property)
    {
        for (uint index = 0; index < count; index++)
        {
            T value = gen.Generate(new PCG(index + 1, 20_260_101UL), null, out _);
            try
            {
                property(value);
            }
            catch (Exception exception)
            {
                throw new XunitException($"case {index}, {value}: {exception.Message}", exception);
            }
        }
    }
}
