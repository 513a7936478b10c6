"""Settings: what the operator may choose, where each value comes from, and what it was before."""
