"""The only door of the knowledge context."""
