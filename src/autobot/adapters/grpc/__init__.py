"""Hops over gRPC: what a role serves on it, and the transport that calls it. Needs the extra `grpc`."""
