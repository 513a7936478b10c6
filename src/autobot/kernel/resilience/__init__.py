"""Resilience: one folder per strategy, and the pipeline that joins them in one fixed order."""
