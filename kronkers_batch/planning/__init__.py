"""What is to be done, and why: decided once, by pure functions over facts."""
