"""Fallback: an ordered chain of targets set by the operator; the next is asked when one has failed."""
