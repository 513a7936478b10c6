"""The public test kit: conformance suites, virtual time, faults and the whole app on memory adapters."""
