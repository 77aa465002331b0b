using System.Reflection;
using System.Reflection.Emit;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Tool.Tests.Commands;

/// <summary>Writes assemblies with models as the generator leaves them: a class, and in it <c>CompiledPlan</c> with the constant
/// <c>Json</c>. (That real generated models are found is the business of the end-to-end tests.)</summary>
internal static class ModelAssembly
{
    public static string Write(string path, params (string Name, string Json)[] models)
    {
        var assembly = new PersistedAssemblyBuilder(new AssemblyName(Path.GetFileNameWithoutExtension(path)), typeof(object).Assembly);
        ModuleBuilder module = assembly.DefineDynamicModule("models");
        foreach ((string name, string json) in models)
        {
            TypeBuilder model = module.DefineType(name, TypeAttributes.Public | TypeAttributes.Sealed);
            TypeBuilder compiled = model.DefineNestedType("CompiledPlan", TypeAttributes.NestedPrivate | TypeAttributes.Sealed);
            compiled.DefineField("Json", typeof(string), FieldAttributes.Private | FieldAttributes.Static | FieldAttributes.Literal).SetConstant(json);
            compiled.CreateType();
            model.CreateType();
        }

        assembly.Save(path);
        return path;
    }

    public static (string Name, string Json) Model(ParallelPlan plan) => (plan.Model.Name, PlanJson.Write(plan));
}
