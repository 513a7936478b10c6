"""The event store in one SQLite file: one writer thread, group commit, readers beside it."""
