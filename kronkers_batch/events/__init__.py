"""What happened, as typed events with numbers that rise, and who receives them."""
