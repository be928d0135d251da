"""Columnar chunks: column types, schemas, and the wire format between languages."""
