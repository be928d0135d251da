"""What a task does: ingest, train, score, report. No Luigi in here."""
