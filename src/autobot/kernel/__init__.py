"""The communication architecture. It knows no context and no vendor."""
