namespace ParallelDsl.Collectives;

/// <summary>What one member sends another in a round, or receives from it.</summary>
/// <typeparam name="T">The element type.</typeparam>
/// <param name="member">The other member.</param>
/// <param name="data">What is sent, or where what arrives goes.</param>
/// <param name="length">Elements; nothing is sent where there are none, since both sides know it.</param>
/// <param name="term">Of a receive: what is added to what arrives; null copies it. It may be <paramref name="data"/>.</param>
/// <param name="own">In a list of receives, with the own member: the data that "arrives".</param>
internal readonly unsafe struct Transfer<T>(int member, T* data, int length, T* term = null, T* own = null)
    where T : unmanaged
{
    public int Member { get; } = member;

    public int Length { get; } = length;

    public T* Data { get; } = data;

    public T* Term { get; } = term;

    public T* Own { get; } = own;
}
