"""Nearest vectors by a graph, from twenty thousand on (decision 0050)."""
