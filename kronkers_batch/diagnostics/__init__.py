"""Whether an installation and its configuration work, before anything runs."""
