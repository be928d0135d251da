"""Online prediction."""
