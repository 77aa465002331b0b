using System.Runtime.InteropServices;

namespace ParallelDsl.Data;

/// <summary>The newest reference pack of the .NET SDK: the XML documentation of the base class library.</summary>
/// <param name="Version">The pack's version.</param>
/// <param name="Files">Its XML files, in ordinal order.</param>
internal sealed record ReferencePack(string Version, IReadOnlyList<string> Files)
{
    public const string Name = "Microsoft.NETCore.App.Ref";

    private const string WhatToDo = "Install the .NET SDK, or train on your own files with --text DIR.";

    /// <param name="dotnetRoot">The folder of the dotnet host; null looks where DOTNET_ROOT says and where this runtime lies.</param>
    public static ReferencePack Find(string? dotnetRoot)
    {
        string[] roots = dotnetRoot is not null ? [dotnetRoot] : Roots();
        string? packs = roots.Select(root => Path.Combine(root, "packs", Name)).FirstOrDefault(Directory.Exists);
        if (packs is null)
            throw new CorpusException(Path.Combine(roots[0], "packs", Name), $"There is no .NET reference pack. {WhatToDo}");

        try
        {
            // ref/net10.0 holds the assemblies and, beside them, their documentation.
            foreach (string version in Newest(Directory.GetDirectories(packs)))
            {
                string references = Path.Combine(version, "ref");
                string[] files = Directory.Exists(references)
                    ? [.. Directory.GetFiles(references, "*.xml", SearchOption.AllDirectories).Order(StringComparer.Ordinal)]
                    : [];
                if (files.Length > 0)
                    return new ReferencePack(Path.GetFileName(version), files);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CorpusException(packs, $"{exception.Message} {WhatToDo}", exception);
        }

        throw new CorpusException(packs, $"No reference pack has documentation. {WhatToDo}");
    }

    private static string[] Roots()
    {
        // shared/Microsoft.NETCore.App/10.0.0/ lies three folders below the root.
        string ownRoot = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        string? named = Environment.GetEnvironmentVariable("DOTNET_ROOT");
        return string.IsNullOrEmpty(named) ? [ownRoot] : [named, ownRoot];
    }

    private static IEnumerable<string> Newest(IEnumerable<string> versions) =>
        versions.OrderByDescending(VersionOf).ThenByDescending(path => path, StringComparer.Ordinal);

    private static Version VersionOf(string path) =>
        System.Version.TryParse(Path.GetFileName(path).Split('-')[0], out Version? version) ? version : new Version(0, 0);
}
