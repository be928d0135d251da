"""Which declared fields count for training, for scoring, or for neither: one table of every field."""

from __future__ import annotations

from enum import StrEnum


class Counts(StrEnum):
    """What a field counts for."""

    TRAINING = "training"
    SCORING = "scoring"
    BOTH = "training and scoring"
    DIGEST = "training, as a digest"  # of code or environment, handed in by the caller
    NEVER = "neither"
    PARTS = "its parts, below"


MODEL_FIELDS: dict[str, Counts] = {
    "name": Counts.NEVER,
    "department": Counts.NEVER,
    "owner": Counts.NEVER,
    "description": Counts.NEVER,
    "language": Counts.TRAINING,
    "task": Counts.TRAINING,
    "model": Counts.PARTS,
    "model.path": Counts.DIGEST,
    "model.target": Counts.TRAINING,
    "model.arguments": Counts.TRAINING,
    "model.formula": Counts.TRAINING,
    "model.predict": Counts.TRAINING,
    "model.predict_arguments": Counts.TRAINING,
    "model.origin": Counts.NEVER,
    "parameters": Counts.TRAINING,
    "data": Counts.TRAINING,
    "environment": Counts.DIGEST,
    "source": Counts.PARTS,
    "source.source": Counts.BOTH,
    "source.output": Counts.BOTH,
    "features": Counts.PARTS,
    "features.name": Counts.BOTH,
    "features.type": Counts.BOTH,
    "features.origin": Counts.NEVER,
    "key": Counts.SCORING,
    "target": Counts.TRAINING,
    "target_type": Counts.TRAINING,
    "windows": Counts.PARTS,
    "windows.train": Counts.TRAINING,
    "windows.holdout": Counts.TRAINING,
    "windows.score": Counts.SCORING,
    "windows.label_delay": Counts.TRAINING,
    "windows.holdout_share": Counts.TRAINING,
    "input_checks": Counts.BOTH,
    "output_checks": Counts.SCORING,
    "output_columns": Counts.BOTH,
    "evaluate": Counts.TRAINING,
    "retention": Counts.NEVER,
    "schedule": Counts.NEVER,
    "training_thresholds": Counts.NEVER,
    "output_thresholds": Counts.NEVER,
    "retrain": Counts.NEVER,
    "promote": Counts.NEVER,
    "rows": Counts.BOTH,
    "unseen": Counts.BOTH,
    "resources": Counts.NEVER,
    "seed": Counts.TRAINING,
    "enabled": Counts.NEVER,
    "overrides": Counts.NEVER,  # what they change counts, not how it was said
    "origin": Counts.NEVER,
    "origins": Counts.NEVER,
}
SOURCE_FIELDS: dict[str, Counts] = {
    "name": Counts.NEVER,
    "department": Counts.NEVER,
    "description": Counts.NEVER,
    "kind": Counts.BOTH,
    "schema": Counts.BOTH,
    "key": Counts.NEVER,  # a model's key counts, where it is used
    "time_column": Counts.BOTH,
    "checks": Counts.BOTH,
    "shared_with": Counts.NEVER,
    "origin": Counts.NEVER,
    "path": Counts.NEVER,  # a moved checkout trains nothing anew; for scoring the source's identity counts
    "package": Counts.BOTH,
    "url": Counts.NEVER,  # a secret
    "query": Counts.BOTH,
    "watermark": Counts.NEVER,
    "inputs": Counts.BOTH,
    "output": Counts.BOTH,
    "csv": Counts.BOTH,
    "options": Counts.BOTH,
    "memory": Counts.NEVER,
    "time_limit": Counts.NEVER,
}
