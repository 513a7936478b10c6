"""What the context needs from outside: password hashing, secret chance, a vault; and its own stored state."""
