"""Computation of programs that run as their own process. What serves a worker sees its `ports`; bootstrap joins them."""
