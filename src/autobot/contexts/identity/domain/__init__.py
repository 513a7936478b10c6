"""Users and credentials: pure state and rules."""
