"""Computation of programs that run as their own process; there is no worker yet."""
