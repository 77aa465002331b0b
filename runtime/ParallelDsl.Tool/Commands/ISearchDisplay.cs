using ParallelDsl.Planning.Plans;

namespace ParallelDsl.Tool.Commands;

/// <summary>Where the progress of a search is shown.</summary>
internal interface ISearchDisplay
{
    /// <summary>Shows one line.</summary>
    void Say(string line);

    /// <summary>Shows how far <paramref name="search"/> is.</summary>
    void Show(AdaptiveSearch search);
}
