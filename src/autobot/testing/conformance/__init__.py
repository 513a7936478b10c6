"""Conformance suites: what a port promises, run against every adapter and every fake."""
