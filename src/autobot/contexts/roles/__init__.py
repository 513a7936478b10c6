"""Roles: the processes of an installation, and which of them get calls."""
