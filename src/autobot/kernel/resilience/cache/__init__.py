"""Cache: coalescing of equal calls, freshness, stale answers while refreshing or failing, tags."""
