"""What was done, by whom, and whether it is as it was recorded: runs, the ledger, checkpoints."""
