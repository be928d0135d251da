"""What predictions are measured by: what is declared of them, their rows, and formulas that kinds share."""
