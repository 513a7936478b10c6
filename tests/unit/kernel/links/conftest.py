"""Links are tested in virtual time."""

from typing import Any

import pytest

from autobot.testing.virtual_time import VIRTUAL_BACKEND


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Async tests of this folder run on a loop whose clock jumps."""
    return VIRTUAL_BACKEND
