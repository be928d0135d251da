"""Principals, keys and grants."""
