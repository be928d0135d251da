"""Python."""

from __future__ import annotations

from kronkers_batch.config.languages import DOTTED, Language


class Python(Language):
    """Models of scikit-learn's kind, over pandas, polars or numpy."""

    title = "Python"
    suffixes = (".py",)
    stored = (".joblib", ".pkl", ".pickle")
    stores = "joblib.dump(model, FILE)"
    environment_keys = ("executable", "venv")
    estimator_key = "_target_"
    estimator_pattern = DOTTED
    estimator_words = "a dotted name such as sklearn.linear_model.LogisticRegression"
    has_formula = False
    attach = "import them at the top of the code file"
    opens = 'joblib.load("{file}")  # with the folder of its code on sys.path; pickle.load without joblib'
    no_memory = ("MemoryError",)
    no_package = ("ModuleNotFoundError", "ImportError")
    hidden_package = ("ModuleNotFoundError", "ImportError", "AttributeError")


KIND = Python()
