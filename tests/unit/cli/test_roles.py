"""What `autobot roles list` says of the rows between processes."""

from __future__ import annotations

from autobot.cli.roles import hop_lines

HOP = {"link": "backend-ai", "reachable": 2, "pairs": 2, "targets": []}


def test_pairs_agree_and_calls_that_fail_are_told_apart() -> None:
    """What processes say of themselves is not called a connection; a breaker that calls opened stands below it."""
    targets = [
        {"address": "https://one:8001", "breaker_state": "closed"},
        {"address": "https://two:8001", "breaker_state": "open"},
    ]
    assert hop_lines(HOP, {"targets": targets}) == [
        "backend-ai: 2 of 2 pairs agree on key and contracts",
        "  https://two:8001: calls fail (breaker open)",
    ]
    fixed = hop_lines({**HOP, "targets": ["https://one:8001"]}, {})
    assert fixed == ["backend-ai: 2 of 2 pairs agree on key and contracts, fixed to https://one:8001"]
