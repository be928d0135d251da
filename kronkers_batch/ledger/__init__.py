"""Append, verify and checkpoint the record of who did or read what, and why."""
