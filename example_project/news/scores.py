"""How good predictions are."""


def confusion_matrix(pairs: list[tuple[int, int]], size: int) -> list[list[int]]:
    """Counts of (right, predicted) pairs: one row per right label, one column per predicted one."""
    matrix = [[0] * size for _ in range(size)]
    for right, predicted in pairs:
        matrix[right][predicted] += 1
    return matrix


def accuracy(matrix: list[list[int]]) -> float:
    """The share on the diagonal."""
    return sum(row[i] for i, row in enumerate(matrix)) / max(1, sum(map(sum, matrix)))


def f1_scores(matrix: list[list[int]]) -> list[float]:
    """For each label, the harmonic mean of precision and recall; 0 for a label that never occurs."""
    scores = []
    for number, row in enumerate(matrix):
        column = sum(other[number] for other in matrix)
        scores.append(2 * row[number] / (sum(row) + column) if sum(row) + column else 0.0)
    return scores


def macro_f1(matrix: list[list[int]]) -> float:
    """The mean of the labels' F1 scores, each label counting the same."""
    scores = f1_scores(matrix)
    return sum(scores) / max(1, len(scores))
