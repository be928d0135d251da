"""Model versions, artifacts, promotion, lineage."""
