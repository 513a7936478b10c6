"""Durable runs: progress is events, a restart repeats nothing."""
