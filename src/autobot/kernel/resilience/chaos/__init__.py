"""Chaos: latency, faults and aborts made on purpose; off unless an operator turns it on."""
