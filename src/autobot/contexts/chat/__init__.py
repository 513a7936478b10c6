"""Chat: sessions and messages as event-sourced aggregates."""
