"""Output versions, their pieces and filters."""
