"""Nearest vectors by a graph, from five thousand on (decision 0050)."""
