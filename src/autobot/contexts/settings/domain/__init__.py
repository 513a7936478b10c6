"""The registry of settings and the state of one. Pure."""
