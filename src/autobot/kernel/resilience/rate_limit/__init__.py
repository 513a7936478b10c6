"""Rate limit: how often a link may call (GCRA), and the pause that a target asked for."""
