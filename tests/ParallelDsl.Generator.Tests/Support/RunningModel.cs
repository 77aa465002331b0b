using System.Reflection;
using System.Runtime.Loader;
using ParallelDsl.Execution;
using ParallelDsl.Planning.Meshes;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Packing;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Generator.Tests.Support;

/// <summary>Compiled generated code, loaded, so that tests can call it.</summary>
internal sealed class RunningModel
{
    private readonly Type _type;

    private RunningModel(Type type) => _type = type;

    public ParallelPlan Plan => (ParallelPlan)Get("Plan");

    public static RunningModel Load(Generated generated, string name)
    {
        using MemoryStream image = new();
        Microsoft.CodeAnalysis.Emit.EmitResult result = generated.Output.Emit(image);
        Assert.True(result.Success, string.Join("\n", result.Diagnostics));
        image.Position = 0;
        AssemblyLoadContext context = new(name, isCollectible: true);
        context.Resolving += static (_, wanted) => AppDomain.CurrentDomain.GetAssemblies().FirstOrDefault(loaded => loaded.GetName().Name == wanted.Name);
        return new RunningModel(context.LoadFromStream(image).GetType(name, throwOnError: true)!);
    }

    /// <summary>A static property or constant.</summary>
    public object Get(string member) => _type.GetMember(member, BindingFlags.Public | BindingFlags.Static).Single() switch
    {
        PropertyInfo property => Unwrapped(() => property.GetValue(null)),
        FieldInfo field => field.GetValue(null)!,
        MemberInfo other => throw new InvalidOperationException($"{other} has no value"),
    };

    /// <summary>A layer property of a new model.</summary>
    public Layer Layer(string name) => (Layer)Unwrapped(() => _type.GetProperty(name)!.GetValue(Activator.CreateInstance(_type)));

    public LayerModule CreateLayer(PlannedLayer? layer) => (LayerModule)Call("CreateLayer", layer);

    public int StageOf(int layer) => (int)Call("StageOf", layer);

    public string ProgramOf(int position) => (string)Call("ProgramOf", position);

    public Coordinate CoordinateOf(int rank) => (Coordinate)Call("CoordinateOf", rank);

    /// <summary>A method from an index to a table's row.</summary>
    public int[] Row(string method, int index) => Table(method)(index).ToArray();

    /// <summary>The method itself.</summary>
    public Func<int, ReadOnlySpan<int>> Table(string method) => _type.GetMethod(method)!.CreateDelegate<Func<int, ReadOnlySpan<int>>>();

    public StepPlan PlanStep(int[] lengths) => _type.GetMethod("PlanStep")!.CreateDelegate<StepPlanner>()(lengths);

    public bool TryPlanStep(int[] lengths, StepPlan step) => _type.GetMethod("TryPlanStep")!.CreateDelegate<TryStepPlanner>()(lengths, step);

    /// <summary>A constant of a nested type.</summary>
    public object Nested(string type, string member) =>
        type.Split('.').Aggregate(_type, (outer, name) => outer.GetNestedType(name)!).GetMember(member).Single() switch
        {
            PropertyInfo property => property.GetValue(null)!,
            MemberInfo field => ((FieldInfo)field).GetValue(null)!,
        };

    private object Call(string method, object? argument) => Unwrapped(() => _type.GetMethod(method)!.Invoke(null, [argument]));

    private static object Unwrapped(Func<object?> call)
    {
        try
        {
            return call()!;
        }
        catch (TargetInvocationException exception) when (exception.InnerException is { } inner)
        {
            throw inner;
        }
    }

    private delegate StepPlan StepPlanner(ReadOnlySpan<int> lengths);

    private delegate bool TryStepPlanner(ReadOnlySpan<int> lengths, StepPlan step);
}
