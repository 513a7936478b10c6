"""Circuit breaker: one state machine per link and target."""
