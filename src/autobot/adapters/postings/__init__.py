"""Passages by their words, from lists in a mapped file, from five thousand passages on (decision 0063)."""
