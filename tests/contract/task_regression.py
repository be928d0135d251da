"""A number, for the suite that every kind of task passes."""

from sklearn import metrics

TARGETS = ([1, -2, None], [-1.5, 1e300, None])
WRONG_TARGETS = ([float("nan"), float("inf"), float("-inf")],)
WRONG_SCORES: list[float] = []


def drawn(rng):
    truth = rng.normal(size=300)
    return truth, truth + rng.normal(size=300) * 0.3


ORACLES = {
    "rmse": metrics.root_mean_squared_error,
    "mae": metrics.mean_absolute_error,
    "r2": metrics.r2_score,
    "bias": lambda truth, score: sum(score - truth) / len(truth),
}
