using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.Loader;
using ParallelDsl.Planning.Json;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Tool;

/// <summary>A model in a compiled assembly.</summary>
/// <param name="Name">Its full name, nested types joined by dots.</param>
/// <param name="ReflectionName">The same as reflection spells it.</param>
internal sealed record CompiledModel(string Name, string ReflectionName);

/// <summary>The models of an assembly, and their plans.
/// <para>Models are found in the metadata alone: types with a public static property <c>Plan</c> of a type called
/// <c>ParallelDsl.Planning.Plans.ParallelPlan</c>. Nothing is loaded or run for that, so a broken assembly still lists its models.</para>
/// <para>A plan is had by running that one property, in a load context of its own in which the assembly comes with <em>its</em> version of
/// ParallelDsl; what crosses over is JSON, written by that version and read by ours. So a tool and an assembly of different versions
/// understand each other as long as the plan format does, and there is no question of whose <c>ParallelPlan</c> an object is.</para></summary>
internal sealed class CompiledModels
{
    private const string PlanNamespace = "ParallelDsl.Planning.Plans";
    private const string PlanType = nameof(ParallelPlan);
    private const string PlanProperty = "Plan";

    private readonly string _path;

    private CompiledModels(string path, IReadOnlyList<CompiledModel> models) => (_path, Models) = (path, models);

    /// <summary>The models by name.</summary>
    public IReadOnlyList<CompiledModel> Models { get; }

    /// <summary>Finds the models of the assembly at <paramref name="path"/>.</summary>
    /// <exception cref="CommandException">The file is missing, is no .NET assembly, or has no model.</exception>
    public static CompiledModels Of(string path)
    {
        if (Directory.Exists(path))
            throw CommandException.BadInput($"{path}: is a folder; name the assembly in it, such as {Path.Combine(path, "MyModels.dll")}");
        if (!File.Exists(path))
            throw CommandException.BadInput($"{path}: no such file; build the project first and name its assembly (bin/Release/net10.0/NAME.dll)");
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
            string library = Path.ChangeExtension(path, ".dll");
            string hint = library != path && File.Exists(library) ? $"; did you mean {library}?" : "";
            throw CommandException.BadInput($"{path}: is not a .NET assembly{hint}");
        }

        if (models.Count == 0)
        {
            throw CommandException.BadInput(
                $"{path}: has no model; a model is a class with [ParallelModel] in a project that uses the ParallelDsl package");
        }

        models.Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
        return new CompiledModels(Path.GetFullPath(path), models);
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
                $"--model {name}: no such model in {_path}{NearestNames.Suggest(name, Models.SelectMany(SimpleAndFull))}; it has {List(Models)}"),
            _ => throw CommandException.BadInput($"--model {name}: more than one model has this name; write one of {List(named)}"),
        };
    }

    /// <summary>Names for a message, the first few of many.</summary>
    public static string List(IReadOnlyList<CompiledModel> models) =>
        string.Join(", ", models.Take(8).Select(model => model.Name)) + (models.Count > 8 ? $" and {models.Count - 8} more" : "");

    /// <summary>The plans of <paramref name="models"/>, in their order.</summary>
    /// <exception cref="CommandException">The assembly cannot be loaded, a model has no plan, or its format is of another version.</exception>
    public IReadOnlyList<ParallelPlan> ReadPlans(IReadOnlyList<CompiledModel> models)
    {
        ModelLoadContext context;
        try
        {
            context = new ModelLoadContext(_path);
        }
        catch (InvalidOperationException exception)
        {
            throw CommandException.BadInput($"{_path}: its dependencies cannot be read: {exception.Message}");
        }

        try
        {
            Assembly assembly = context.LoadFromAssemblyPath(_path);
            return [.. models.Select(model => ReadPlan(assembly, model))];
        }
        catch (Exception exception) when (exception is FileLoadException or FileNotFoundException or BadImageFormatException or TypeLoadException)
        {
            throw CommandException.BadInput($"{_path}: cannot be loaded: {exception.Message}");
        }
        finally
        {
            context.Unload();
        }
    }

    private ParallelPlan ReadPlan(Assembly assembly, CompiledModel model)
    {
        string json;
        try
        {
            PropertyInfo property = assembly.GetType(model.ReflectionName, throwOnError: true)!
                .GetProperty(PlanProperty, BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.DeclaredOnly)!;
            object? plan = property.GetValue(null);
            MethodInfo? write = property.PropertyType.Assembly.GetType(typeof(PlanJson).FullName!)?.GetMethod(nameof(PlanJson.Write), [property.PropertyType]);
            json = write?.Invoke(null, [plan]) as string ?? throw CommandException.BadInput(
                $"{_path}: {model.Name} was compiled with a version of ParallelDsl that cannot write plans as JSON; compile it with a newer one");
        }
        catch (TargetInvocationException exception) when (exception.InnerException is { } inner)
        {
            // A property that throws: the generator found no plan, and the property says why.
            throw CommandException.Failed($"{_path}: {model.Name} has no plan: {(inner is TypeInitializationException { InnerException: { } cause } ? cause : inner).Message}");
        }

        (ParallelPlan? read, TextError? error) = PlanJson.Read(json);
        return read ?? throw CommandException.BadInput(
            $"{_path}: the plan of {model.Name} was written by another version of ParallelDsl and cannot be read: {error}");
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
            if (type.GetGenericParameters().Count > 0 || (type.Attributes & TypeAttributes.Interface) != 0)
                continue;
            foreach (PropertyDefinitionHandle propertyHandle in type.GetProperties())
            {
                PropertyDefinition property = reader.GetPropertyDefinition(propertyHandle);
                if (!reader.StringComparer.Equals(property.Name, PlanProperty) || property.GetAccessors().Getter.IsNil)
                    continue;
                MethodDefinition getter = reader.GetMethodDefinition(property.GetAccessors().Getter);
                if ((getter.Attributes & MethodAttributes.Static) != 0 && ReturnsPlan(reader, getter))
                    models.Add(new CompiledModel(Name(reader, handle, '.'), Name(reader, handle, '+')));
            }
        }

        return models;
    }

    private static bool ReturnsPlan(MetadataReader reader, MethodDefinition getter)
    {
        BlobReader signature = reader.GetBlobReader(getter.Signature);
        signature.ReadSignatureHeader();
        if (signature.ReadCompressedInteger() != 0 || signature.ReadSignatureTypeCode() != SignatureTypeCode.TypeHandle)
            return false;
        EntityHandle type = signature.ReadTypeHandle();
        if (type.Kind != HandleKind.TypeReference)
            return false;
        TypeReference reference = reader.GetTypeReference((TypeReferenceHandle)type);
        return reader.StringComparer.Equals(reference.Name, PlanType) && reader.StringComparer.Equals(reference.Namespace, PlanNamespace);
    }

    private static string Name(MetadataReader reader, TypeDefinitionHandle handle, char nesting)
    {
        TypeDefinition type = reader.GetTypeDefinition(handle);
        string name = reader.GetString(type.Name);
        if (!type.GetDeclaringType().IsNil)
            return Name(reader, type.GetDeclaringType(), nesting) + nesting + name;
        string space = reader.GetString(type.Namespace);
        return space.Length == 0 ? name : space + "." + name;
    }

    /// <summary>An assembly with what it was built with. What it does not bring, and the framework, come from the tool.</summary>
    private sealed class ModelLoadContext(string path) : AssemblyLoadContext("models", isCollectible: true)
    {
        private readonly AssemblyDependencyResolver _resolver = new(path);

        protected override Assembly? Load(AssemblyName assemblyName) =>
            _resolver.ResolveAssemblyToPath(assemblyName) is { } file ? LoadFromAssemblyPath(file) : null;

        protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
            _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } file ? LoadUnmanagedDllFromPath(file) : 0;
    }
}
