"""Bounded contexts: what the product decides, one package each; they meet only in contracts."""
