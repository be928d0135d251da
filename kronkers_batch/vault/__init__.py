"""Identities, department and model keys, grants, sealing, signing."""
