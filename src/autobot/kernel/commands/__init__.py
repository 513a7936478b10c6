"""Commands: validate, authorize, idempotency, audit, handler, in that order, in process."""
