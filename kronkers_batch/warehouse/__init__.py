"""Output versions: write, publish, read, SQL."""
