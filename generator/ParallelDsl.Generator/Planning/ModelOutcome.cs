using Microsoft.CodeAnalysis;
using ParallelDsl.Generator.Diagnostics;
using ParallelDsl.Generator.Parsing;
using ParallelDsl.Planning;
using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Generator.Planning;

/// <summary>A declaration and the cluster that its <c>[RunsOn]</c> leads to: all that planning needs, and nothing that moves when text
/// does.</summary>
/// <param name="Declaration">The declared model.</param>
/// <param name="Cluster">The cluster, or null where there is none to plan for.</param>
/// <param name="Problem">Why there is none, where the declaration itself does not know.</param>
/// <param name="PlanFiles">The plan files of a model of this name: none, or one.</param>
internal sealed record PlanInput(
    ModelDeclaration Declaration, ClusterSpec? Cluster, ModelProblem? Problem, EquatableArray<ParsedPlanFile> PlanFiles = default);

/// <summary>What came of planning one model: a plan, or the reasons why there is none.</summary>
/// <param name="Declaration">The declared model.</param>
/// <param name="Plan">The plan, or null.</param>
/// <param name="Problems">What planning found wrong; where there is a plan, what is wrong beside it.</param>
internal sealed record ModelOutcome(ModelDeclaration Declaration, ParallelPlan? Plan, EquatableArray<ModelProblem> Problems)
{
    /// <summary>Why there is no plan, one text a reason.</summary>
    public IEnumerable<string> Reasons => Declaration.Errors.Concat(Problems.Select(problem => problem.Info(null).Text));
}

/// <summary>A declaration with its plan, as emission takes it.</summary>
internal sealed record PlannedModel(ModelDeclaration Declaration, ParallelPlan Plan);

/// <summary>Something wrong with a part of a declaration, without a place in a file.</summary>
/// <param name="Rule">What kind.</param>
/// <param name="Subject">Which attribute.</param>
/// <param name="Layer">Of which layer, or -1.</param>
/// <param name="Field">Which argument of it, or empty.</param>
/// <param name="Arguments">The arguments of the rule's message.</param>
/// <param name="Suggestions">Values of the argument that would do.</param>
/// <param name="Reported">Whether it is reported elsewhere and here is only a reason.</param>
internal sealed record ModelProblem(
    DiagnosticDescriptor Rule,
    PlanSubject Subject,
    int Layer,
    string Field,
    EquatableArray<string> Arguments,
    EquatableArray<long> Suggestions = default,
    bool Reported = false)
{
    /// <summary>The diagnostic, placed by <paramref name="map"/>.</summary>
    public DiagnosticInfo Info(DeclarationMap? map) => new(
        Rule,
        map?.Find(Subject, Layer, Field),
        Arguments,
        Suggestions.Count > 0 && map is not null && map.Has(Subject, Layer) ? new ArgumentFix(Field, Suggestions) : null);

    /// <summary>A problem of the whole model.</summary>
    public static ModelProblem OfModel(DiagnosticDescriptor rule, params string[] arguments) =>
        new(rule, PlanSubject.Model, -1, string.Empty, arguments.ToEquatableArray());

    /// <summary>A problem of the model's <c>[RunsOn]</c>.</summary>
    public static ModelProblem OfCluster(DiagnosticDescriptor rule, params string[] arguments) =>
        new(rule, PlanSubject.Cluster, -1, string.Empty, arguments.ToEquatableArray());

    /// <summary>A problem that planning found.</summary>
    public static ModelProblem Of(PlanProblem problem, string modelName)
    {
        DiagnosticDescriptor rule = problem.Code switch
        {
            PlanProblemCode.NotPositive => Rules.NotPositive,
            PlanProblemCode.NoLayers => Rules.NoLayers,
            PlanProblemCode.LayerOrder => Rules.LayerOrder,
            PlanProblemCode.HeadsDoNotDivideWidth => Rules.HeadsDoNotDivideWidth,
            PlanProblemCode.KeyValueHeadsDoNotDivideHeads => Rules.KeyValueHeadsDoNotDivideHeads,
            PlanProblemCode.OddHeadWidth => Rules.OddHeadWidth,
            PlanProblemCode.AxesDoNotMatchDevices => Rules.AxesDoNotMatchDevices,
            PlanProblemCode.MoreStagesThanLayers => Rules.MoreStagesThanLayers,
            PlanProblemCode.FewerMicroBatchesThanStages => Rules.FewerMicroBatchesThanStages,
            PlanProblemCode.MicroBatchesDoNotDivide => Rules.MicroBatchesDoNotDivide,
            PlanProblemCode.ChunksDoNotFitSchedule => Rules.ChunksDoNotFitSchedule,
            PlanProblemCode.ContextDoesNotDivide => Rules.ContextDoesNotDivide,
            PlanProblemCode.UnitShorterThanContext => Rules.UnitShorterThanContext,
            PlanProblemCode.DoesNotFit => Rules.DoesNotFit,
            PlanProblemCode.MoreSlicesThanVocabulary => Rules.MoreSlicesThanVocabulary,
            PlanProblemCode.UndefinedChoice => Rules.UndefinedChoice,
            PlanProblemCode.PercentOutOfRange => Rules.PercentOutOfRange,
            PlanProblemCode.SettingWithoutEffect => Rules.SettingWithoutEffect,
            _ => throw new InvalidOperationException($"no rule stands for the problem {problem.Code}"),
        };
        string[] arguments = problem.Code == PlanProblemCode.NoLayers ? [modelName] : [problem.Message, problem.Fix];
        return new ModelProblem(rule, problem.Subject, problem.Layer, problem.Field, arguments.ToEquatableArray(), problem.Suggestions);
    }
}
