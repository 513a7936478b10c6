"""Core: time, ids, chance, call context, envelope, errors. Knows nothing else of the project."""
