"""The write side, the queries and the proof of credentials."""
