"""Read models as they were, and how the log lies in time."""
