"""Metrics, thresholds, and whether a model needs training."""
