using ParallelDsl.Planning.Clusters;
using ParallelDsl.Planning.Json;
using ParallelDsl.Planning.Strategies;

namespace ParallelDsl.Tool.Batches;

/// <summary>What an option takes by a name that is built in, or from a file.</summary>
internal static class NamedInput
{
    /// <summary>The names of the clusters, for a help text.</summary>
    public static string Clusters { get; } = string.Join(", ", BuiltInClusters.All.Select(cluster => cluster.Name));

    /// <summary>The names of the models.</summary>
    public static string Models { get; } = string.Join(", ", BatchModel.All.Select(model => model.Name));

    /// <summary>The cluster that <c>--cluster</c> names.</summary>
    /// <exception cref="CommandException">There is neither a cluster nor a file of this name, or the file is wrong.</exception>
    public static ClusterSpec Cluster(string value) =>
        BuiltInClusters.FromName(value)
        ?? FromFile("--cluster", value, "cluster", BuiltInClusters.All.Select(cluster => cluster.Name), ClusterFile.Parse);

    /// <summary>The model that <c>--model</c> names.</summary>
    /// <exception cref="CommandException">There is neither a model nor a file of this name, or the file is wrong.</exception>
    public static BatchModel Model(string value) =>
        BatchModel.FromName(value) ?? FromFile("--model", value, "model", BatchModel.All.Select(model => model.Name), BatchModelFile.Parse);

    private static T FromFile<T>(string option, string value, string noun, IEnumerable<string> names, Func<string, Parsed<T>> parse)
        where T : class
    {
        // A name without a folder or an extension was hardly meant as that of a file.
        bool isPath = value.IndexOfAny(['/', '\\', '.']) >= 0;
        if (!isPath && !File.Exists(value))
        {
            throw CommandException.BadInput($"{option}: no {noun} and no file is called '{value}'{NearestNames.Suggest(value, names)}; "
                + $"known are {string.Join(", ", names)}");
        }

        (T? parsed, TextError? error) = parse(InputFile.Read(value));
        return parsed ?? throw CommandException.BadInput($"{value}: {error}");
    }
}
