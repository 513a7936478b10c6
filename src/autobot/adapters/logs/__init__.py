"""Structured logs: one JSON object a line, secrets masked."""
