"""The keys of a model file that are about a model that was fitted elsewhere."""

from __future__ import annotations

from kronkers_batch.config.fields import Counts, Field
from kronkers_batch.config.kinds import PATH
from kronkers_batch.config.languages import LANGUAGES

GOLDEN_ENDINGS = (".csv", ".parquet")
_STORED = "; ".join(f"{one.title}: {', '.join(one.stored)}" for one in LANGUAGES.values() if one.stored)

IMPORT_FIELDS = (
    Field(
        "artifact",
        PATH,
        "A model that was fitted elsewhere: the file that holds it. Then `fit` is not called: code needs "
        f"only score, and an estimator only says how to predict. Endings: {_STORED}.",
        default="",
        shown="the model is fitted here",
        counts=Counts.DIGEST,
    ),
    Field(
        "golden",
        PATH,
        "With artifact: a CSV or Parquet file of rows with their scores, in columns named as the features "
        "and the outputs. The artifact is refused if it gives these rows other scores.",
        default="",
        shown="none",
        counts=Counts.DIGEST,
    ),
)
