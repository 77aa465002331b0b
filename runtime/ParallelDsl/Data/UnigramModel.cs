namespace ParallelDsl.Data;

/// <summary>
/// Predicts every token by how often it is a target in the training documents, whatever came before. A model that has learned anything
/// is below its loss.
/// </summary>
public sealed class UnigramModel
{
    private readonly double[] _losses;

    /// <summary>Counts the targets, all tokens of a document but the first, and adds one to each count.</summary>
    /// <param name="training">The training documents.</param>
    /// <param name="vocabulary">The number of tokens, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The vocabulary is too small, or a token is not in it.</exception>
    public UnigramModel(IReadOnlyList<int[]> training, int vocabulary)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabulary, 1);
        _losses = new double[vocabulary];
        Array.Fill(_losses, 1);
        double total = vocabulary;
        foreach (int[] document in training)
        {
            for (int index = 1; index < document.Length; index++)
            {
                _losses[Check(document[index])]++;
                total++;
            }
        }

        for (int token = 0; token < vocabulary; token++)
            _losses[token] = Math.Log(total / _losses[token]);
    }

    /// <summary>The mean loss of the documents' targets, in nats.</summary>
    /// <exception cref="ArgumentException">The documents have no targets.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A token is not in the vocabulary.</exception>
    public double MeanLoss(IReadOnlyList<int[]> documents)
    {
        double sum = 0;
        long targets = 0;
        foreach (int[] document in documents)
        {
            for (int index = 1; index < document.Length; index++)
            {
                sum += _losses[Check(document[index])];
                targets++;
            }
        }

        return targets > 0 ? sum / targets : throw new ArgumentException("The documents have no targets.", nameof(documents));
    }

    private int Check(int token) => (uint)token < (uint)_losses.Length
        ? token
        : throw new ArgumentOutOfRangeException(nameof(token), token, $"Tokens are from 0 to {_losses.Length - 1}.");
}
