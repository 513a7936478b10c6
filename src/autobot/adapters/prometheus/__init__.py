"""Metrics: a listener that counts, and the exposition that Prometheus scrapes."""
