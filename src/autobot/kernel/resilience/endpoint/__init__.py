"""Endpoint choice: which target of a link gets the next attempt."""
