"""Telemetry is a listener: bricks report hops, adapters make logs, metrics and spans of them."""
