"""Who did what: append, verify, checkpoints."""
