"""Adapters that keep things in PostgreSQL."""
