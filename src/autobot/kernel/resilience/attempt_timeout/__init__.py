"""Attempt timeout: how long one attempt, or one gap of a stream, may take."""
