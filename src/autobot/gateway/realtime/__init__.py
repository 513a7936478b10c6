"""Frames out of the product: a pure session protocol, the socket and event-stream shells, and the fan-out."""
