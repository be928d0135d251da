"""What a task does, without Luigi: ingest, train, verify, score, retain."""
