"""Numbers against thresholds, as pure functions: nothing is read here."""
