"""The address that a process tells the others is one at which they reach it."""

import pytest

from autobot.bootstrap.selves import reachable
from autobot.config import Config


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_process_that_listens_everywhere_says_the_address_towards_the_database(host: str) -> None:
    """A wildcard is nobody's address."""
    config = Config(host=host, port=8001, database_url="postgresql://a:b@127.0.0.1:5432/autobot")
    assert reachable(config) == "http://127.0.0.1:8001"


def test_a_process_at_one_address_says_that() -> None:
    """What the operator chose is told as it is."""
    assert reachable(Config(host="127.0.0.1", port=9)) == "http://127.0.0.1:9"
    assert reachable(Config(host="::1", port=9)) == "http://[::1]:9"
