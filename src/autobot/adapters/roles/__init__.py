"""Calls between the roles of one installation."""
