"""Nearest vectors by a graph, from five thousand on (decisions 0050 and 0076)."""
