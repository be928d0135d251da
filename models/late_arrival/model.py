"""Will a flight arrive more than 15 minutes late? Gradient boosting on what is known before it departs."""

from sklearn.ensemble import HistGradientBoostingClassifier


def fit(data, params):
    """Fit on a pandas table of the features and ``late``; ``params`` are the YAML's ``parameters``."""
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0, **params)
    return model.fit(data.drop(columns="late"), data["late"].astype(bool))


def score(model, data):
    """The probability of being late, one a row."""
    return model.predict_proba(data)[:, 1]
