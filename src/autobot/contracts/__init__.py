"""The published language: frozen, versioned commands, queries, events and their upcasters."""
