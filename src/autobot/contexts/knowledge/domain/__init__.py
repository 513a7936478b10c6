"""What the context decides. Pure."""
