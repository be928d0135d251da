"""What happened, as typed events with numbers that rise, and who is told of them."""
