"""Snapshots of sources."""
