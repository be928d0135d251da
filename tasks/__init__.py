"""The Luigi graph. Thin: each run() calls one step."""
