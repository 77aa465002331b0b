using System.Numerics;
using System.Runtime.CompilerServices;

namespace ParallelDsl.Collectives;

/// <summary>Sums of vectors, element by element, in a fixed order.</summary>
/// <remarks>Compiled with all optimizations at once: the first steps of a run would spend most of a reduction in a loop that is not.</remarks>
internal static unsafe class OrderedSum
{
    /// <summary>target = left + right. The target may be either of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add<T>(T* target, T* left, T* right, int length)
        where T : unmanaged, INumberBase<T>
    {
        int index = 0;
        int width = Vector<T>.Count;
        for (; index <= length - (4 * width); index += 4 * width)
        {
            Vector<T> first = Vector.Load(left + index) + Vector.Load(right + index);
            Vector<T> second = Vector.Load(left + index + width) + Vector.Load(right + index + width);
            Vector<T> third = Vector.Load(left + index + (2 * width)) + Vector.Load(right + index + (2 * width));
            Vector<T> fourth = Vector.Load(left + index + (3 * width)) + Vector.Load(right + index + (3 * width));
            first.Store(target + index);
            second.Store(target + index + width);
            third.Store(target + index + (2 * width));
            fourth.Store(target + index + (3 * width));
        }

        for (; index < length; index++)
            target[index] = left[index] + right[index];
    }

    /// <summary>target = ((terms[0] + terms[1]) + terms[2]) + ... The target may be any of the terms: what is read at an index is read before
    /// anything is written there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Of<T>(T* target, T** terms, int count, int length)
        where T : unmanaged, INumberBase<T>
    {
        if (count == 2)
        {
            Add(target, terms[0], terms[1], length);
            return;
        }

        int index = 0;
        int width = Vector<T>.Count;
        for (; index <= length - (4 * width); index += 4 * width)
        {
            T* from = terms[0] + index;
            Vector<T> first = Vector.Load(from);
            Vector<T> second = Vector.Load(from + width);
            Vector<T> third = Vector.Load(from + (2 * width));
            Vector<T> fourth = Vector.Load(from + (3 * width));
            for (int term = 1; term < count; term++)
            {
                from = terms[term] + index;
                first += Vector.Load(from);
                second += Vector.Load(from + width);
                third += Vector.Load(from + (2 * width));
                fourth += Vector.Load(from + (3 * width));
            }

            first.Store(target + index);
            second.Store(target + index + width);
            third.Store(target + index + (2 * width));
            fourth.Store(target + index + (3 * width));
        }

        for (; index < length; index++)
        {
            T sum = terms[0][index];
            for (int term = 1; term < count; term++)
                sum += terms[term][index];
            target[index] = sum;
        }
    }
}
