using ParallelDsl.Generator.Diagnostics;
using ParallelDsl.Generator.Parsing;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Models;
using ParallelDsl.Planning.Plans;
using static System.FormattableString;

namespace ParallelDsl.Generator.Planning;

/// <summary>From declarations to plans. The work is done by <see cref="Planner"/>; here its answers become outcomes of the generator.</summary>
internal static class ModelPlanner
{
    /// <summary>No generated file lists more actions: the compiler's limit for all text constants of an assembly is 16 MB.</summary>
    public const int MaximumActions = 200_000;

    /// <summary>No generated file lists more ranks.</summary>
    public const int MaximumRanks = 65_536;

    /// <summary>Plans one model. Whatever happens becomes an outcome.</summary>
    public static ModelOutcome Plan(PlanInput input, CancellationToken cancellation)
    {
        using InvariantCulture scope = InvariantCulture.Enter();
        ModelDeclaration declaration = input.Declaration;
        if (declaration.Errors.Count > 0 || input.Cluster is null)
            return Without(declaration, input.Problem);
        cancellation.ThrowIfCancellationRequested();
        try
        {
            ModelSpec model = new(
                declaration.Type.FullName, declaration.ContextLength, declaration.Layers.Select(layer => layer.Spec).ToEquatableArray());
            PlanRequest request = new(model, input.Cluster, declaration.Axes);
            (ParallelPlan? found, ModelProblem? problem) = PlanFileResolver.Choose(input, request);
            ModelOutcome outcome = found is null ? Outcome(declaration, Planner.Plan(request, cancellation)) : Outcome(declaration, new Planned(found));
            return problem is null ? outcome : outcome with { Problems = outcome.Problems.Append(problem).ToEquatableArray() };
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return Without(
                declaration, ModelProblem.OfModel(Rules.InternalError, declaration.Type.FullName, InternalFailure.Describe(exception)));
        }
    }

    /// <summary>What came of planning as an outcome. The rings of a plan are proven whoever made them, a file or the planner.</summary>
    internal static ModelOutcome Outcome(ModelDeclaration declaration, PlanResult result) => result switch
    {
        Planned planned when Excess(planned.Plan) is { } excess => Without(declaration, TooLarge(declaration, excess)),
        Planned planned when SequenceRings.FaultOf(planned.Plan) is { } fault =>
            Without(declaration, ModelProblem.OfModel(Rules.UnsoundRings, declaration.Type.Name, fault.Message)),
        Planned planned => new ModelOutcome(declaration, planned.Plan, default),
        Infeasible infeasible => new ModelOutcome(
            declaration, null, infeasible.Problems.Select(problem => ModelProblem.Of(problem, declaration.Type.Name)).ToEquatableArray()),
        TooLarge tooLarge => Without(declaration, TooLarge(declaration, tooLarge.Message)),
        _ => throw new InvalidOperationException("an unknown result of planning"),
    };

    private static ModelOutcome Without(ModelDeclaration declaration, ModelProblem? problem) =>
        new(declaration, null, problem is null ? default : new([problem]));

    private static ModelProblem TooLarge(ModelDeclaration declaration, string message) =>
        ModelProblem.OfModel(Rules.TooLarge, declaration.Type.Name, message);

    /// <summary>A plan can be made that nobody would want as source text.</summary>
    private static string? Excess(ParallelPlan plan)
    {
        (int actions, int ranks) = (plan.Programs.Sum(program => program.Actions.Count), plan.Mesh.Size);
        if (actions > MaximumActions)
            return Invariant($"its programs have {actions:N0} actions, and code lists at most {MaximumActions:N0}; use fewer micro-batches or stages");
        return ranks > MaximumRanks
            ? Invariant($"its mesh has {ranks:N0} ranks, and code lists at most {MaximumRanks:N0}; use fewer devices")
            : null;
    }
}
