"""Adapters that keep everything in memory."""
