"""A first model in Python: a linear model of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping

from kronkers_batch.drafting.baseline import Baseline, listed, quoted

_TEXT = '''\
"""A first model of {target}: {what}. Change what you like.

`kronkers try` shows what `data` looks like, and what a change is worth.
"""

from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import {estimator}
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

TARGET = {name}
NUMBERS = {numbers}
CATEGORIES = {categories}


def columns(data):
    """Numbers as floats, with NaN for a gap; categories as they are."""
    return data[NUMBERS].astype(float).join(data[CATEGORIES].astype(object))


def fit(data, params):
    prepared = make_column_transformer(
        (make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler()), NUMBERS),
        (OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
    )
    model = make_pipeline(prepared, {made})
    return model.fit(columns(data), data[TARGET])


def score(model, data):
{score}
'''
_PREDICT = "    return model.predict(columns(data))"
_ESTIMATORS: Mapping[str, tuple[str, str, str, str]] = {
    "binary": (
        "logistic regression",
        "LogisticRegression",
        "LogisticRegression(max_iter=1000)",
        "    return model.predict_proba(columns(data))[:, 1]",
    ),
    "multiclass": (
        "logistic regression",
        "LogisticRegression",
        "LogisticRegression(max_iter=1000)",
        "    return dict(zip(model.classes_, model.predict_proba(columns(data)).T))",
    ),
    "regression": ("linear regression with a small penalty", "Ridge", "Ridge()", _PREDICT),
    "count": (
        "Poisson regression",
        "PoissonRegressor",
        "PoissonRegressor(alpha=1e-3, max_iter=1000)",
        _PREDICT,
    ),
}


def code(model: Baseline) -> str:
    """The file."""
    what, estimator, made, score = _ESTIMATORS[model.task]
    return _TEXT.format(
        target=model.target.replace("\\", "/").replace('"', "'"),
        what=what,
        estimator=estimator,
        name=quoted(model.target),
        numbers=listed(map(quoted, model.numbers), "[", "]"),
        categories=listed(map(quoted, model.categories), "[", "]"),
        made=made,
        score=score,
    )
