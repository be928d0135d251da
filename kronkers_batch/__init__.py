"""Kronkers Batch: models in Python, R and Julia, declared in YAML, run every night, kept encrypted."""

__version__ = "0.1.0"
