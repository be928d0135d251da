"""A first model from rows: what ``kronkers new`` infers, and the files that it writes."""
