"""Bulkhead: how many attempts of a link run at once, who waits, and who is shed."""
