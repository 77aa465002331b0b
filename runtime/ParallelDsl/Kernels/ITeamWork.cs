namespace ParallelDsl.Kernels;

/// <summary>Work that a <see cref="ThreadTeam"/> does in independent parts.</summary>
public interface ITeamWork
{
    /// <summary>Does one part. Parts run at the same time, in any order, so no part may write what another reads or writes.</summary>
    /// <param name="part">Number of the part, from 0.</param>
    void Run(int part);
}
