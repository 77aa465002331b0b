using System.Text.Json;

namespace ParallelDsl.Checkpoints;

/// <summary>A tensor of a safetensors file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DataType">Its element type as the format writes it: <c>F32</c>, <c>F16</c>, <c>BF16</c> and others.</param>
/// <param name="Shape">Its extents, outermost first; empty for a scalar.</param>
/// <param name="Begin">The first byte, counted from the end of the header.</param>
/// <param name="End">The byte after the last, counted from the end of the header.</param>
public sealed record TensorEntry(string Name, string DataType, IReadOnlyList<long> Shape, long Begin, long End)
{
    /// <summary>The number of elements.</summary>
    public long Length => Shape.Aggregate(1L, (length, extent) => length * extent);
}

/// <summary>
/// The header of a safetensors file, checked as strictly as the reference implementation checks it: eight bytes of length, JSON, then
/// tensors that fill the rest of the file without gap or overlap. Source: https://github.com/huggingface/safetensors, "Format".
/// </summary>
internal sealed record SafetensorsHeader(
    IReadOnlyDictionary<string, TensorEntry> Tensors, IReadOnlyDictionary<string, string> Metadata)
{
    public const string MetadataKey = "__metadata__";

    /// <summary>The reference implementation refuses longer headers too.</summary>
    public const int LongestHeader = 100_000_000;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <param name="json">The header without its length.</param>
    /// <param name="dataBytes">The bytes that follow it in the file.</param>
    /// <param name="path">Names the file in errors.</param>
    public static SafetensorsHeader Parse(ReadOnlyMemory<byte> json, long dataBytes, string path)
    {
        try
        {
            using var document = JsonDocument.Parse(json, Strict);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new CheckpointException(path, null, "The header is not a JSON object; this is no safetensors file.");

            var tensors = new Dictionary<string, TensorEntry>();
            var metadata = new Dictionary<string, string>();
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (property.Name == MetadataKey)
                    ParseMetadata(property.Value, metadata, path);
                else
                    tensors.Add(property.Name, ParseTensor(property.Name, property.Value, path));
            }

            CheckLayout(tensors.Values, dataBytes, path);
            return new SafetensorsHeader(tensors, metadata);
        }
        catch (JsonException exception)
        {
            throw new CheckpointException(path, null, $"The header is not valid JSON: {exception.Message}", exception);
        }
        catch (InvalidOperationException exception)
        {
            // What the JSON library throws for text that is not well-formed Unicode.
            throw new CheckpointException(path, null, $"The header holds text that is not well-formed: {exception.Message}", exception);
        }
    }

    /// <summary>The bytes of a tensor; false when an extent is negative or the number does not fit.</summary>
    public static bool TryGetByteLength(ReadOnlySpan<long> shape, int elementBytes, out long byteLength)
    {
        byteLength = elementBytes;
        foreach (long extent in shape)
        {
            if (extent < 0 || Math.BigMul(byteLength, extent, out byteLength) != 0 || byteLength < 0)
                return false;
        }

        return true;
    }

    /// <summary>The bytes of an element; 0 when the type is unknown.</summary>
    private static int ElementBytes(string dataType) => dataType switch
    {
        "BOOL" or "U8" or "I8" or "F8_E5M2" or "F8_E4M3" or "F8_E8M0" => 1,
        "U16" or "I16" or "F16" or "BF16" => 2,
        "U32" or "I32" or "F32" => 4,
        "U64" or "I64" or "F64" or "C64" => 8,
        _ => 0,
    };

    private static void ParseMetadata(JsonElement value, Dictionary<string, string> metadata, string path)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw new CheckpointException(path, null, $"{MetadataKey} is not a JSON object.");
        foreach (JsonProperty property in value.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.String)
                throw new CheckpointException(path, null, $"{MetadataKey} holds '{property.Name}', which is not a string.");
            metadata.Add(property.Name, property.Value.GetString()!);
        }
    }

    private static TensorEntry ParseTensor(string name, JsonElement value, string path)
    {
        if (value.ValueKind != JsonValueKind.Object
            || !value.TryGetProperty("dtype", out JsonElement type) || type.ValueKind != JsonValueKind.String
            || !value.TryGetProperty("shape", out JsonElement shapes) || shapes.ValueKind != JsonValueKind.Array
            || !value.TryGetProperty("data_offsets", out JsonElement offsets) || offsets.ValueKind != JsonValueKind.Array)
        {
            throw new CheckpointException(path, name, "The header lacks its dtype, shape or data_offsets, or they are of the wrong kind.");
        }

        string dataType = type.GetString()!;
        int elementBytes = ElementBytes(dataType);
        if (elementBytes == 0)
            throw new CheckpointException(path, name, $"The dtype '{dataType}' is unknown.");
        long[] shape = ParseNumbers(shapes, name, "shape", path);
        if (!TryGetByteLength(shape, elementBytes, out long byteLength))
            throw new CheckpointException(path, name, $"The shape [{string.Join(", ", shape)}] has too many elements.");
        long[] range = ParseNumbers(offsets, name, "data_offsets", path);
        if (range.Length != 2 || range[1] - range[0] != byteLength)
        {
            throw new CheckpointException(path, name, $"The data_offsets [{string.Join(", ", range)}] do not span "
                + $"the {byteLength} bytes of {dataType} [{string.Join(", ", shape)}].");
        }

        return new TensorEntry(name, dataType, shape, range[0], range[1]);
    }

    private static long[] ParseNumbers(JsonElement array, string name, string field, string path)
    {
        var numbers = new long[array.GetArrayLength()];
        int index = 0;
        foreach (JsonElement element in array.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.Number || !element.TryGetInt64(out long number) || number < 0)
                throw new CheckpointException(path, name, $"The {field} holds {element.GetRawText()}, which is no size.");
            numbers[index++] = number;
        }

        return numbers;
    }

    private static void CheckLayout(IEnumerable<TensorEntry> tensors, long dataBytes, string path)
    {
        long end = 0;
        foreach (TensorEntry tensor in tensors.OrderBy(tensor => tensor.Begin).ThenBy(tensor => tensor.End))
        {
            if (tensor.End > dataBytes)
            {
                throw new CheckpointException(
                    path, tensor.Name, $"It ends at byte {tensor.End}, but only {dataBytes} follow the header: the file is truncated.");
            }

            if (tensor.Begin != end)
            {
                string problem = tensor.Begin < end ? "overlap" : "leave a gap";
                throw new CheckpointException(
                    path, tensor.Name, $"It begins at byte {tensor.Begin}, but the tensor before it ends at byte {end}: they {problem}.");
            }

            end = tensor.End;
        }

        if (end != dataBytes)
            throw new CheckpointException(path, null, $"{dataBytes} bytes follow the header, but its tensors take {end}.");
    }
}
