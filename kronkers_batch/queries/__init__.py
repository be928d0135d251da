"""What there is, for people and programs that read."""
