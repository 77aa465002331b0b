using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using ParallelDsl.Planning.Json;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Tool;

/// <summary>A model in a compiled assembly.</summary>
/// <param name="Name">Its full name, nested types joined by dots.</param>
/// <param name="PlanJson">The plan that was compiled into it.</param>
internal sealed record CompiledModel(string Name, string PlanJson);

/// <summary>The models of an assembly.
/// <para>The generator writes each plan into its model as a constant: the JSON in <c>CompiledPlan.Json</c>. It is read from the metadata,
/// and nothing of the assembly is loaded or run: its dependencies need not be there, it may be built for another framework or
/// processor, and a version of ParallelDsl other than the tool's does no harm as long as the plan format is the same.</para></summary>
internal sealed class CompiledModels
{
    private const string PlanClass = "CompiledPlan";
    private const string PlanConstant = "Json";

    private readonly string _path;

    private CompiledModels(string path, IReadOnlyList<CompiledModel> models) => (_path, Models) = (path, models);

    /// <summary>The models by name.</summary>
    public IReadOnlyList<CompiledModel> Models { get; }

    /// <summary>Finds the models of the assembly at <paramref name="path"/>.</summary>
    /// <exception cref="CommandException">The file is missing, is no .NET assembly, or has no model.</exception>
    public static CompiledModels Of(string path)
    {
        CompiledModels compiled = Find(path);
        if (compiled.Models.Count == 0)
        {
            throw CommandException.BadInput(
                $"{path}: has no model; a model is a class with [ParallelModel] in a project that uses the ParallelDsl package");
        }

        return compiled;
    }

    /// <summary>Finds the models of the assembly at <paramref name="path"/>; it may have none.</summary>
    /// <exception cref="CommandException">The file is missing, or is no .NET assembly.</exception>
    public static CompiledModels Find(string path)
    {
        if (Directory.Exists(path))
            throw CommandException.BadInput($"{path}: is a folder; name the assembly in it, such as {Path.Combine(path, "MyModels.dll")}");
        if (!File.Exists(path))
            throw CommandException.BadInput($"{path}: no such file; build the project first and name its assembly, bin/Release/net10.0/NAME.dll");
        List<CompiledModel> models;
        try
        {
            using FileStream file = File.OpenRead(path);
            using var image = new PEReader(file);
            if (!image.HasMetadata)
                throw new BadImageFormatException();
            models = Find(image.GetMetadataReader());
        }
        catch (BadImageFormatException)
        {
            string library = path + ".dll", sibling = Path.ChangeExtension(path, ".dll");
            string hint = File.Exists(library) ? $"; did you mean {library}?" : sibling != path && File.Exists(sibling) ? $"; did you mean {sibling}?" : "";
            throw CommandException.BadInput($"{path}: is not a .NET assembly, or is damaged{hint}");
        }

        models.Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
        return new CompiledModels(path, models);
    }

    /// <summary>The models called <paramref name="name"/> by their full or simple name; all of them where it is null.</summary>
    /// <exception cref="CommandException">There is none, or the simple name is that of several.</exception>
    public IReadOnlyList<CompiledModel> Select(string? name)
    {
        if (name is null)
            return Models;
        if (Models.FirstOrDefault(model => model.Name == name) is { } exact)
            return [exact];
        CompiledModel[] named = [.. Models.Where(model => model.Name.EndsWith("." + name, StringComparison.Ordinal))];
        return named.Length switch
        {
            1 => named,
            0 => throw CommandException.BadInput(
                $"{_path}: --model {name}: no such model{NearestNames.Suggest(name, Models.SelectMany(SimpleAndFull))}; it has {List(Models)}"),
            _ => throw CommandException.BadInput($"{_path}: --model {name}: more than one model has this name; write one of {List(named)}"),
        };
    }

    /// <summary>Names for a message, the first few of many.</summary>
    public static string List(IReadOnlyList<CompiledModel> models) =>
        string.Join(", ", models.Take(8).Select(model => model.Name)) + (models.Count > 8 ? $" and {models.Count - 8} more" : "");

    /// <summary>The plan of <paramref name="model"/>.</summary>
    /// <exception cref="CommandException">It is of a version of ParallelDsl that the tool does not know.</exception>
    public ParallelPlan ReadPlan(CompiledModel model)
    {
        (ParallelPlan? plan, TextError? error) = PlanJson.Read(model.PlanJson);
        return plan ?? throw CommandException.BadInput(
            $"{_path}: the plan of {model.Name} was compiled by another version of ParallelDsl and cannot be read: {error}");
    }

    private static IEnumerable<string> SimpleAndFull(CompiledModel model)
    {
        yield return model.Name;
        yield return model.Name[(model.Name.LastIndexOf('.') + 1)..];
    }

    private static List<CompiledModel> Find(MetadataReader reader)
    {
        var models = new List<CompiledModel>();
        foreach (TypeDefinitionHandle handle in reader.TypeDefinitions)
        {
            TypeDefinition type = reader.GetTypeDefinition(handle);
            if (type.GetDeclaringType().IsNil || !reader.StringComparer.Equals(type.Name, PlanClass))
                continue;
            foreach (FieldDefinitionHandle fieldHandle in type.GetFields())
            {
                FieldDefinition field = reader.GetFieldDefinition(fieldHandle);
                if (reader.StringComparer.Equals(field.Name, PlanConstant) && Text(reader, field.GetDefaultValue()) is { } json)
                    models.Add(new CompiledModel(Name(reader, type.GetDeclaringType()), json));
            }
        }

        return models;
    }

    private static string? Text(MetadataReader reader, ConstantHandle handle)
    {
        if (handle.IsNil)
            return null;
        Constant constant = reader.GetConstant(handle);
        return reader.GetBlobReader(constant.Value).ReadConstant(constant.TypeCode) as string;
    }

    private static string Name(MetadataReader reader, TypeDefinitionHandle handle)
    {
        TypeDefinition type = reader.GetTypeDefinition(handle);
        string name = reader.GetString(type.Name);
        if (!type.GetDeclaringType().IsNil)
            return Name(reader, type.GetDeclaringType()) + "." + name;
        string space = reader.GetString(type.Namespace);
        return space.Length == 0 ? name : space + "." + name;
    }
}
