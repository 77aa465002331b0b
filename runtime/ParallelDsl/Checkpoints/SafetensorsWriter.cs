using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace ParallelDsl.Checkpoints;

/// <summary>Writes safetensors files, which other tools load: https://github.com/huggingface/safetensors.</summary>
public static class SafetensorsWriter
{
    /// <summary>The elements that are copied at once, whatever a tensor's length.</summary>
    private const int BlockLength = 64 << 10;

    /// <summary>Writes the tensors in their order, as <c>F32</c>. The same input gives the same bytes.</summary>
    /// <param name="stream">Where the file goes; it is not flushed.</param>
    /// <param name="tensors">The tensors.</param>
    /// <param name="metadata">Free text beside the tensors; null for none.</param>
    /// <exception cref="ArgumentException">Two tensors have the same name, or the header or the file would be too long.</exception>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public static void Write(
        Stream stream, IReadOnlyList<NamedTensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ReadOnlySpan<byte> header = BuildHeader(tensors, metadata);
        Span<byte> headerLength = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(headerLength, (ulong)header.Length);
        stream.Write(headerLength);
        stream.Write(header);

        float[] block = ArrayPool<float>.Shared.Rent(BlockLength);
        try
        {
            foreach (NamedTensor tensor in tensors)
            {
                for (long offset = 0; offset < tensor.Length; offset += BlockLength)
                {
                    Span<float> elements = block.AsSpan(0, (int)Math.Min(BlockLength, tensor.Length - offset));
                    tensor.Read(offset, elements);
                    ToLittleEndian(elements);
                    stream.Write(MemoryMarshal.AsBytes(elements));
                }
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(block);
        }
    }

    /// <summary>The format is little-endian; on nearly every machine nothing happens. It is its own inverse.</summary>
    internal static void ToLittleEndian(Span<float> elements)
    {
        if (BitConverter.IsLittleEndian)
            return;
        Span<int> bits = MemoryMarshal.Cast<float, int>(elements);
        BinaryPrimitives.ReverseEndianness(bits, bits);
    }

    private static ReadOnlySpan<byte> BuildHeader(
        IReadOnlyList<NamedTensor> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        var names = new HashSet<string>();
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(SafetensorsHeader.MetadataKey);
                foreach ((string key, string value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                    json.WriteString(key, value);
                json.WriteEndObject();
            }

            long begin = 0;
            foreach (NamedTensor tensor in tensors)
            {
                if (!names.Add(tensor.Name))
                    throw new ArgumentException($"Two tensors have the name '{tensor.Name}'.", nameof(tensors));
                long end = begin + tensor.Length * sizeof(float);
                if (end < begin)
                    throw new ArgumentException($"The file would be too long at tensor '{tensor.Name}'.", nameof(tensors));
                WriteEntry(json, tensor, begin, end);
                begin = end;
            }

            json.WriteEndObject();
        }

        // The elements begin at a multiple of eight bytes, so that a mapped file can be read in place.
        int padding = -buffer.WrittenCount & 7;
        buffer.GetSpan(padding)[..padding].Fill((byte)' ');
        buffer.Advance(padding);
        return buffer.WrittenCount <= SafetensorsHeader.LongestHeader
            ? buffer.WrittenSpan
            : throw new ArgumentException(
                $"The header would take {buffer.WrittenCount} bytes; {SafetensorsHeader.LongestHeader} are allowed.", nameof(tensors));
    }

    private static void WriteEntry(Utf8JsonWriter json, NamedTensor tensor, long begin, long end)
    {
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype"u8, "F32"u8);
        json.WriteStartArray("shape"u8);
        foreach (long extent in tensor.Shape)
            json.WriteNumberValue(extent);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets"u8);
        json.WriteNumberValue(begin);
        json.WriteNumberValue(end);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
