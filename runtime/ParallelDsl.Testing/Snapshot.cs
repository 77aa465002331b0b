using System.Reflection;
using System.Runtime.CompilerServices;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Testing;

/// <summary>Compares plans, generated code and text with files that lie beside the test and are committed with it, by the conventions of
/// Verify: <c>PlanTests.Layout.verified.txt</c> is what was accepted; on a difference <c>PlanTests.Layout.received.txt</c> is written beside
/// it, and renaming that to <c>.verified.txt</c> accepts it. A developer's desktop opens its difference tool; a build server does not.</summary>
/// <example><code>
/// [Fact]
/// public Task Layout() => Snapshot.Verify(Gpt.Plan);
///
/// [Fact]
/// public Task Code() => Snapshot.VerifyGenerated&lt;Gpt&gt;();
/// </code></example>
public static class Snapshot
{
    /// <summary>Compares a plan, as <see cref="PlanText"/> writes it. The digest in that text stands for everything else that the plan says.</summary>
    /// <param name="plan">The plan, as a rule the <c>Plan</c> of a model.</param>
    /// <param name="name">Tells snapshots of one test apart; part of the file's name.</param>
    /// <param name="sourceFile">Filled in by the compiler: the file of the test. Its name is taken for the name of the test class.</param>
    /// <param name="testMethod">Filled in by the compiler.</param>
    /// <exception cref="SnapshotException">The plan differs from what was accepted, or nothing was accepted yet.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Task Verify(
        ParallelPlan plan, string? name = null, [CallerFilePath] string sourceFile = "", [CallerMemberName] string testMethod = "")
    {
        var prefix = SnapshotPrefix.Of(Assembly.GetCallingAssembly(), sourceFile, testMethod, name);
        return SnapshotComparison.Verify([new SnapshotFile(prefix.Path, "txt", PlanText.Write(plan))]);
    }

    /// <summary>Compares text. Line endings, and line feeds at the end, do not count.</summary>
    /// <param name="text">The text.</param>
    /// <param name="name">Tells snapshots of one test apart; part of the file's name.</param>
    /// <param name="extension">Extension of the files, without a dot.</param>
    /// <param name="sourceFile">Filled in by the compiler: the file of the test. Its name is taken for the name of the test class.</param>
    /// <param name="testMethod">Filled in by the compiler.</param>
    /// <exception cref="SnapshotException">The text differs from what was accepted, or nothing was accepted yet.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Task Verify(
        string text,
        string? name = null,
        string extension = "txt",
        [CallerFilePath] string sourceFile = "",
        [CallerMemberName] string testMethod = "")
    {
        var prefix = SnapshotPrefix.Of(Assembly.GetCallingAssembly(), sourceFile, testMethod, name);
        return SnapshotComparison.Verify([new SnapshotFile(prefix.Path, extension, text)]);
    }

    /// <summary>Compares every file that the generator made for a model, one snapshot each: <c>PlanTests.Code#Gpt.Plan.g.verified.cs</c>. A
    /// snapshot whose file is no longer generated is a difference too. The code is read from the debug information of the model's
    /// assembly, where the compiler always puts generated code; no build setting is needed, but <c>DebugType</c> must not be
    /// <c>none</c>.</summary>
    /// <typeparam name="TModel">The model.</typeparam>
    /// <param name="name">Tells snapshots of one test apart; part of the file's name.</param>
    /// <param name="sourceFile">Filled in by the compiler: the file of the test. Its name is taken for the name of the test class.</param>
    /// <param name="testMethod">Filled in by the compiler.</param>
    /// <exception cref="SnapshotException">A file differs from what was accepted, or nothing was accepted yet.</exception>
    /// <exception cref="InvalidOperationException">The assembly has no debug information, or no code was generated for the model.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Task VerifyGenerated<TModel>(
        string? name = null, [CallerFilePath] string sourceFile = "", [CallerMemberName] string testMethod = "")
    {
        var prefix = SnapshotPrefix.Of(Assembly.GetCallingAssembly(), sourceFile, testMethod, name);
        SnapshotFile[] files = [.. GeneratedSources.Of(typeof(TModel)).Select(source =>
            new SnapshotFile($"{prefix.Path}#{Path.GetFileNameWithoutExtension(source.Name)}", "cs", source.Text))];
        return SnapshotComparison.Verify(files, staleBesides: prefix.Path + "#");
    }
}
