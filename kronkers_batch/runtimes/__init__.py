"""Worker processes in Python, R and Julia: the protocol, the sandbox, the worker files."""
