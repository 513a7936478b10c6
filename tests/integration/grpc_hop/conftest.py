"""Tests of this folder use gRPC."""

from tests.integration.loops import one_loop

__all__ = ["one_loop"]
