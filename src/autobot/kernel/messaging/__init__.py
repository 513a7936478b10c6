"""Messaging: delivery of the log to consumers, and passing frames."""
