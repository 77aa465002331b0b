using System.Buffers.Binary;
using System.IO.Compression;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text;

namespace ParallelDsl.Testing;

/// <summary>One generated file.</summary>
/// <param name="Name">Its file name: <c>Gpt.Plan.g.cs</c>.</param>
/// <param name="Text">Its text.</param>
internal sealed record GeneratedSource(string Name, string Text);

/// <summary>Reads generated code back from an assembly. The C# compiler embeds the text of every generated file in the debug information,
/// whether or not the project asks for embedded sources (a debugger could not show it otherwise), so this needs no setting, works for
/// models in other projects and in packages, and shows the very text that was compiled.</summary>
internal static class GeneratedSources
{
    private const string GeneratorFolder = "ParallelDsl.Generator";
    private const string Ending = ".g.cs";

    /// <summary>The kind of debug information that holds a document's text (Portable PDB format, "Embedded Source").</summary>
    private static readonly Guid EmbeddedSource = new("0E8A571B-6926-466E-B4AD-8AB04611F5FE");

    /// <summary>The files that the generator made for <paramref name="model"/>, by name.</summary>
    /// <exception cref="InvalidOperationException">There is no debug information, or none of its documents is the model's.</exception>
    public static IReadOnlyList<GeneratedSource> Of(Type model)
    {
        List<GeneratedSource> all = Read(model.Assembly);
        string full = (model.FullName ?? model.Name).Replace('+', '.');
        // The generator names files by the simple name, and by the full name where two models share a simple name.
        List<GeneratedSource> own = all.FindAll(source => IsOf(source, full));
        if (own.Count == 0)
            own = all.FindAll(source => IsOf(source, model.Name));
        if (own.Count == 0)
        {
            throw new InvalidOperationException(
                $"No generated file of {full} is in the debug information of {model.Assembly.GetName().Name}"
                + (all.Count == 0 ? "; is [ParallelModel] on it, and does its project use the ParallelDsl package?" : "; it has "
                    + string.Join(", ", all.Take(8).Select(source => source.Name)) + "."));
        }

        return [.. own.OrderBy(source => source.Name, StringComparer.Ordinal)];
    }

    private static bool IsOf(GeneratedSource source, string name) =>
        source.Name.StartsWith(name + ".", StringComparison.Ordinal)
        && !source.Name.AsSpan(name.Length + 1, source.Name.Length - Ending.Length - name.Length - 1).Contains('.');

    private static List<GeneratedSource> Read(Assembly assembly)
    {
        if (assembly.Location.Length == 0)
            throw new InvalidOperationException($"{assembly.GetName().Name} was not loaded from a file, so its debug information cannot be found.");
        using FileStream file = File.OpenRead(assembly.Location);
        using var image = new PEReader(file);
        if (!image.TryOpenAssociatedPortablePdb(
            assembly.Location, path => File.Exists(path) ? File.OpenRead(path) : null, out MetadataReaderProvider? provider, out _)
            || provider is null)
        {
            throw new InvalidOperationException(
                $"{Path.GetFileName(assembly.Location)} has no portable debug information. Build it with <DebugType>portable</DebugType> or embedded.");
        }

        using (provider)
        {
            MetadataReader reader = provider.GetMetadataReader();
            var sources = new List<GeneratedSource>();
            foreach (DocumentHandle handle in reader.Documents)
            {
                string path = reader.GetString(reader.GetDocument(handle).Name).Replace('\\', '/');
                string[] parts = path.Split('/');
                if (parts[^1].EndsWith(Ending, StringComparison.Ordinal) && parts.Contains(GeneratorFolder) && Text(reader, handle) is { } text)
                    sources.Add(new GeneratedSource(parts[^1], text));
            }

            return sources;
        }
    }

    private static string? Text(MetadataReader reader, DocumentHandle document)
    {
        foreach (CustomDebugInformationHandle handle in reader.GetCustomDebugInformation(document))
        {
            CustomDebugInformation information = reader.GetCustomDebugInformation(handle);
            if (reader.GetGuid(information.Kind) != EmbeddedSource)
                continue;
            // Four bytes, the size of what is compressed or 0 where nothing is, then the text.
            byte[] blob = reader.GetBlobBytes(information.Value);
            using var stored = new MemoryStream(blob, sizeof(int), blob.Length - sizeof(int));
            using Stream text = BinaryPrimitives.ReadInt32LittleEndian(blob) == 0 ? stored : new DeflateStream(stored, CompressionMode.Decompress);
            using var characters = new StreamReader(text, Encoding.UTF8);
            return characters.ReadToEnd();
        }

        return null;
    }
}
