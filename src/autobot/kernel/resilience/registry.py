"""The registry: the state of links and targets, which outlives the pipelines built on it."""

from __future__ import annotations


class Registry:
    """State per link and per (link, target) of this process.

    A pipeline built again for the same link finds the state of the one before: breakers stay open or
    isolated, windows, budgets and counters go on where the new options still use them.
    Used from one event loop only; no method waits, so each is atomic.
    """

    def forget(self, link: str) -> None:
        """Drop all state of a link that the matrix no longer has."""
