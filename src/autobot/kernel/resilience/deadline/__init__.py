"""Deadline: the time of the whole call, all attempts included."""
