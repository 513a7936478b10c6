"""Identity: who may use the product, how they prove it, and what their keys may do."""
