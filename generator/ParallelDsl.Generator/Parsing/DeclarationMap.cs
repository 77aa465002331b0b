using ParallelDsl.Planning;
using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Generator.Parsing;

/// <summary>Where a declaration says what: it turns a problem of planning, which knows no source text, into a place to underline.</summary>
/// <param name="ModelName">The full name of the model, by which its problems find it.</param>
/// <param name="Anchors">The written attributes and arguments; the first is the model's own attribute.</param>
internal sealed record DeclarationMap(string ModelName, EquatableArray<Anchor> Anchors)
{
    /// <summary>The place of an argument; of its attribute where it is not written; of the model where that is not either.</summary>
    public SourceSpan? Find(PlanSubject subject, int layer, string field)
    {
        Anchor? best = null;
        foreach (Anchor anchor in Anchors)
        {
            if (anchor.Subject != subject || (subject == PlanSubject.Layer && anchor.Layer != layer))
                continue;
            if (anchor.Field == field)
                return anchor.Span;
            if (anchor.Field.Length == 0)
                best = anchor;
        }

        return (best ?? (Anchors.Count > 0 ? Anchors[0] : null))?.Span;
    }

    /// <summary>Whether the attribute of <paramref name="subject"/> is written, so that a fix has something to change.</summary>
    public bool Has(PlanSubject subject, int layer) =>
        Anchors.Any(anchor => anchor.Subject == subject && (subject != PlanSubject.Layer || anchor.Layer == layer));
}

/// <summary>One written attribute, or one written argument of it.</summary>
/// <param name="Subject">Which attribute.</param>
/// <param name="Layer">Of which layer, or -1.</param>
/// <param name="Field">The argument by the name of its property, or empty for the attribute itself.</param>
/// <param name="Span">Where.</param>
internal sealed record Anchor(PlanSubject Subject, int Layer, string Field, SourceSpan Span);
