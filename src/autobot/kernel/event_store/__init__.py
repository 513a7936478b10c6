"""Event store: the durable log that is also the outbox, and the one transaction port."""
