"""Sources, checks, snapshots and profiles: what a task reads."""
