"""The database engine, its tables and migrations, and the artifact store."""
