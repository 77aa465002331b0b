using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Tests.Docs;

/// <summary>docs/03-attributes.md is made from the XML documentation. Run with PARALLELDSL_UPDATE_DOCS=1 to write it anew.</summary>
public sealed partial class AttributePageTests
{
    private static readonly Dictionary<string, XElement> Members = new[] { typeof(ParallelModelAttribute).Assembly, typeof(ParallelPlan).Assembly }
        .SelectMany(assembly => XDocument.Load(Path.ChangeExtension(assembly.Location, ".xml")).Descendants("member"))
        .ToDictionary(member => member.Attribute("name")!.Value, StringComparer.Ordinal);

    [Fact]
    public void ThePageSaysWhatTheXmlDocumentationSays()
    {
        string path = Path.Combine(RepositoryRoot(), "docs", "03-attributes.md");
        string page = Page();
        if (Environment.GetEnvironmentVariable("PARALLELDSL_UPDATE_DOCS") == "1")
            File.WriteAllText(path, page);
        Assert.True(File.Exists(path), "docs/03-attributes.md is missing; run the tests with PARALLELDSL_UPDATE_DOCS=1");
        Assert.Equal(page, File.ReadAllText(path).ReplaceLineEndings("\n"));
    }

    private static string Page()
    {
        StringBuilder page = new(
            """
            # Attributes

            Every attribute of a declaration, made from the XML documentation of the code (a test compares them). `using ParallelDsl;` is all
            that a declaration needs. The order of the layer properties is the order of execution.


            """);
        Type[] attributes = [.. typeof(ParallelModelAttribute).Assembly.GetExportedTypes().Where(type => type.IsSubclassOf(typeof(Attribute)) && type.Namespace == "ParallelDsl")];
        foreach (Type attribute in attributes.OrderBy(Order).ThenBy(type => type.Name, StringComparer.Ordinal))
            Describe(page, attribute);

        page.Append("# Choices\n\n");
        Type[] choices = [.. attributes.SelectMany(type => type.GetProperties()).Select(property => property.PropertyType).Where(type => type.IsEnum).Distinct().OrderBy(type => type.Name, StringComparer.Ordinal)];
        foreach (Type choice in choices)
        {
            page.Append(CultureInfo.InvariantCulture, $"## {choice.Name}\n\n{Text("T:" + choice.FullName)}\n\n| value | meaning |\n|---|---|\n");
            foreach (string name in Enum.GetNames(choice))
                page.Append(CultureInfo.InvariantCulture, $"| `{name}` | {Text($"F:{choice.FullName}.{name}")} |\n");
            page.Append('\n');
        }

        return page.ToString().TrimEnd('\n') + "\n";
    }

    private static void Describe(StringBuilder page, Type attribute)
    {
        string name = attribute.Name[..^"Attribute".Length];
        page.Append(CultureInfo.InvariantCulture, $"## [{name}]\n\n{Text("T:" + attribute.FullName)}\n\n");
        AttributeUsageAttribute usage = attribute.GetCustomAttribute<AttributeUsageAttribute>()!;
        page.Append(CultureInfo.InvariantCulture, $"On a {(usage.ValidOn == AttributeTargets.Property ? "property" : "class")}{(usage.AllowMultiple ? ", any number of times" : "")}.\n\n");

        List<(string, string, string, string)> rows = [];
        foreach (ConstructorInfo constructor in attribute.GetConstructors())
        {
            foreach (ParameterInfo parameter in constructor.GetParameters())
                rows.Add((parameter.Name!, NameOf(parameter.ParameterType), "required", Parameter(attribute, constructor, parameter)));
        }

        object instance = RuntimeHelpers.GetUninitializedObject(attribute);
        if (attribute.GetConstructors().FirstOrDefault(constructor => constructor.GetParameters().All(parameter => parameter.ParameterType == typeof(int))) is { } simple)
            instance = simple.Invoke([.. simple.GetParameters().Select(_ => (object)1)]);
        foreach (PropertyInfo property in attribute.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly).Where(property => property.CanWrite))
            rows.Add((property.Name, NameOf(property.PropertyType), $"`{DefaultOf(property, instance)}`", Text($"P:{attribute.FullName}.{property.Name}")));
        if (rows.Count == 0)
            return;
        page.Append("| argument | type | default | meaning |\n|---|---|---|---|\n");
        foreach ((string argument, string type, string value, string meaning) in rows)
            page.Append(CultureInfo.InvariantCulture, $"| `{argument}` | `{type}` | {value} | {meaning} |\n");
        page.Append('\n');
    }

    private static int Order(Type attribute) => Array.IndexOf(
        ["ParallelModelAttribute", "RunsOnAttribute", "EmbeddingAttribute", "TransformerBlockAttribute", "LanguageModelHeadAttribute", "DataAxisAttribute",
            "SequenceAxisAttribute", "PipelineAxisAttribute", "ClusterAttribute", "NodesAttribute"],
        attribute.Name) is var index and >= 0 ? index : int.MaxValue;

    private static string Parameter(Type attribute, ConstructorInfo constructor, ParameterInfo parameter)
    {
        string signature = string.Join(",", constructor.GetParameters().Select(each => each.ParameterType.FullName));
        XElement member = Members.GetValueOrDefault($"M:{attribute.FullName}.#ctor({signature})") ?? Members[$"T:{attribute.FullName}"];
        return Flatten(member.Elements("param").Single(element => element.Attribute("name")!.Value == parameter.Name));
    }

    private static string Text(string id)
    {
        Assert.True(Members.TryGetValue(id, out XElement? member), $"{id} has no XML documentation");
        return string.Join(" ", new[] { "summary", "value", "remarks" }.Select(part => member.Element(part)).OfType<XElement>().Select(Flatten));
    }

    private static string Flatten(XElement element)
    {
        StringBuilder text = new();
        foreach (XNode node in element.DescendantNodes())
        {
            if (node is XText words && words.Parent is { Name.LocalName: not "c" })
                text.Append(words.Value);
            else if (node is XElement { Name.LocalName: "c" } code)
                text.Append('`').Append(code.Value).Append('`');
            else if (node is XElement { Name.LocalName: "see" or "paramref" } reference)
                text.Append('`').Append(Reference(reference)).Append('`');
        }

        return Whitespace().Replace(text.ToString(), " ").Trim().Replace("|", "\\|", StringComparison.Ordinal);
    }

    private static string Reference(XElement reference)
    {
        string target = (reference.Attribute("cref") ?? reference.Attribute("name") ?? reference.Attribute("langword"))!.Value;
        return target.Split('(')[0].Split('.')[^1].Split(':')[^1];
    }

    private static string NameOf(Type type) => type == typeof(int) ? "int" : type == typeof(bool) ? "bool" : type == typeof(double) ? "double" : type == typeof(string) ? "string" : type.Name;

    private static string DefaultOf(PropertyInfo property, object instance) => property.GetValue(instance) switch
    {
        bool flag => flag ? "true" : "false",
        null => "null",
        var value => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static string RepositoryRoot()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "ParallelDsl.sln")))
            directory = Path.GetDirectoryName(directory);
        return directory ?? throw new InvalidOperationException("The tests run outside the repository.");
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Whitespace();
}
