using System.Buffers.Binary;
using System.IO.Compression;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
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
    private const string Ending = ".g.cs";

    /// <summary>The kind of debug information that holds a document's text (Portable PDB format, "Embedded Source").</summary>
    private static readonly Guid EmbeddedSource = new("0E8A571B-6926-466E-B4AD-8AB04611F5FE");

    /// <summary>The files that the generator made for <paramref name="model"/>, by name.</summary>
    /// <exception cref="InvalidOperationException">There is no debug information, or none of its documents is the model's.</exception>
    public static IReadOnlyList<GeneratedSource> Of(Type model)
    {
        string assembly = model.Assembly.Location;
        if (assembly.Length == 0)
            throw new InvalidOperationException($"{model.Assembly.GetName().Name} was not loaded from a file, so its debug information cannot be found.");
        using FileStream file = File.OpenRead(assembly);
        using var image = new PEReader(file);
        if (!image.TryOpenAssociatedPortablePdb(
            assembly, path => File.Exists(path) ? File.OpenRead(path) : null, out MetadataReaderProvider? provider, out _)
            || provider is null)
        {
            throw new InvalidOperationException(
                $"{Path.GetFileName(assembly)} has no portable debug information. Build it with <DebugType>portable</DebugType> or embedded.");
        }

        using (provider)
        {
            MetadataReader reader = provider.GetMetadataReader();
            HashSet<string> models = [.. Documents(reader, model).Select(document => FileName(reader, document)).Where(IsGenerated).Select(Stem)];
            var sources = new List<GeneratedSource>();
            foreach (DocumentHandle handle in reader.Documents)
            {
                string name = FileName(reader, handle);
                if (IsGenerated(name) && models.Contains(Stem(name)) && Text(reader, handle) is { } text)
                    sources.Add(new GeneratedSource(name, text));
            }

            if (sources.Count == 0)
            {
                throw new InvalidOperationException(
                    $"No generated code of {model.FullName} is in the debug information of {Path.GetFileName(assembly)}. Is [ParallelModel] on it, and does "
                    + "its project use the ParallelDsl package?");
            }

            sources.Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
            return sources;
        }
    }

    /// <summary>The documents in which <paramref name="type"/> and the types in it have code. One of them gives away how the generator
    /// named its files for this model.</summary>
    private static IEnumerable<DocumentHandle> Documents(MetadataReader reader, Type type)
    {
        const BindingFlags Declared =
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;
        IEnumerable<DocumentHandle> own = type.GetMembers(Declared).OfType<MethodBase>().SelectMany(method =>
        {
            var handle = (MethodDefinitionHandle)MetadataTokens.EntityHandle(method.MetadataToken);
            MethodDebugInformation information = reader.GetMethodDebugInformation(handle);
            return information.Document.IsNil
                ? information.GetSequencePoints().Select(point => point.Document)
                : [information.Document];
        });
        return own.Concat(type.GetNestedTypes(Declared).SelectMany(nested => Documents(reader, nested))).Where(document => !document.IsNil);
    }

    private static string FileName(MetadataReader reader, DocumentHandle handle) =>
        reader.GetString(reader.GetDocument(handle).Name).Replace('\\', '/').Split('/')[^1];

    private static bool IsGenerated(string name) => name.EndsWith(Ending, StringComparison.Ordinal);

    /// <summary>The model in a file's name: <c>Gpt</c> of <c>Gpt.Plan.g.cs</c>.</summary>
    private static string Stem(string name)
    {
        string concern = name[..^Ending.Length];
        return concern.Contains('.', StringComparison.Ordinal) ? concern[..concern.LastIndexOf('.')] : concern;
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
