"""What a process has opened, and what a run and a request work on."""
