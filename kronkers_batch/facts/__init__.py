"""Reading what a decision needs, and asking for what came of it."""
