"""Hops over gRPC: what a role serves on it, and the transport that calls it. Needs the extra `grpc`."""

import os

# Its core writes to standard error past the log, a closed connection included; it reads this once, when it is loaded.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
