"""Retry: who may be sent again, when, and how much of it a link can afford."""
