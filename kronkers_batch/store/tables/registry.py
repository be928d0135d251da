"""Model versions and champions."""
