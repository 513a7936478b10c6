"""Weights of `Accept` and `Accept-Encoding` (RFC 9110 §12.4.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.gateway.negotiation import preferred_coding, prefers, qualities, refuses_identity

HAVE = ("zstd", "br", "gzip")


@pytest.mark.parametrize(
    ("field", "found"),
    [
        (b"gzip", {"gzip": 1.0}),
        (b" GZIP ; q=0.5 ,, br", {"gzip": 0.5, "br": 1.0}),
        (b"x-gzip;q=0", {"gzip": 0.0}),
        (b"text/html;level=1;q=0.4", {"text/html": 0.4}),
        (b"a;q=0.1234, b;q=1.1, c;q=, d;q=-1, e;q=1.000", {"e": 1.0}),
        (b"a;q=0.1, a;q=0.9", {"a": 0.1}),
        (b"", {}),
    ],
)
def test_weights_are_read(field: bytes, found: dict[str, float]) -> None:
    """Names have no case, empty and malformed members are passed over, a weight has at most three digits."""
    assert qualities(field) == found


@pytest.mark.parametrize(
    ("field", "coding"),
    [
        (b"gzip, br", "br"),
        (b"gzip;q=0.9, br;q=0.8", "gzip"),
        (b"*;q=0.1", "zstd"),
        (b"identity, *;q=0.1", "identity"),
        (b"*;q=0, gzip;q=0.001", "gzip"),
        (b"*;q=0", "identity"),
        (b"deflate", "identity"),
    ],
)
def test_the_highest_weight_wins(field: bytes, coding: str) -> None:
    """Among equals our order decides; nothing acceptable leaves the answer as it is."""
    assert preferred_coding(field, HAVE) == coding


@given(st.binary(max_size=60))
def test_no_field_breaks_the_choice(field: bytes) -> None:
    """Whatever is sent, one of the codings that we have is chosen, or none; and never one that is refused."""
    coding = preferred_coding(field, HAVE)
    assert coding in {*HAVE, "identity"}
    assert coding == "identity" or qualities(field).get(coding, 1.0) > 0


@pytest.mark.parametrize(
    ("field", "refused"),
    [
        (b"identity;q=0", True),
        (b"*;q=0", True),
        (b"*;q=0, identity;q=0.1", False),
        (b"gzip", False),
        (b"", False),
    ],
)
def test_the_plain_form_can_be_refused(field: bytes, refused: bool) -> None:
    """Only by name, or by `*` where it is not named."""
    assert refuses_identity(field) is refused


def test_a_media_type_is_preferred_only_when_it_is_named() -> None:
    """Ranges of the other type count for it; `*/*` alone prefers nothing."""
    assert prefers(b"text/html, */*;q=0.8", "text/html", "application/json")
    assert prefers(b"text/html", "text/html", "application/json")
    assert not prefers(b"*/*", "text/html", "application/json")
    assert not prefers(b"text/html;q=0.5, application/*", "text/html", "application/json")
    assert not prefers(b"text/html;q=0", "text/html", "application/json")
