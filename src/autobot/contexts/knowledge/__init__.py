"""Documents, and what is found in them."""
