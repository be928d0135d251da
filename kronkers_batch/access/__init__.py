"""Who may do what, what was signed, people and their keys."""
