"""Pages that say what a run did."""
