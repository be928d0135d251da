"""Calendar and missed runs: when a run is due."""
