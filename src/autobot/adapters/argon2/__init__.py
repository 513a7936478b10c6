"""Password hashing with argon2id, in threads."""
