"""Every worker for inference keeps the port's promises, and the suite finds those that do not."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from autobot.adapters.system.clock import SystemClock
from autobot.testing.conformance.inference import InferenceSuite, Subject
from autobot.testing.inference.faults import INFERENCE_FAULTS
from autobot.testing.inference.hashing import MODEL, WINDOW, HashingInference
from autobot.testing.models.contexts import CONTEXT
from tests.conformance.planted import found_by


class TestHashing(InferenceSuite):
    kind: type[HashingInference] = HashingInference

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Subject]:
        yield Subject(
            inference=type(self).kind(SystemClock()),
            context=CONTEXT,
            model=MODEL,
            long=" ".join(f"word{number}" for number in range(WINDOW + 8)),
        )

    def open(self) -> AbstractAsyncContextManager[Subject]:
        return self._open()


@pytest.mark.parametrize("fault", INFERENCE_FAULTS, ids=lambda fault: fault.__name__)
def test_each_planted_fault_is_found(fault: type[HashingInference]) -> None:
    """A worker with a fault fails at least one test of the suite."""

    class Planted(TestHashing):
        kind = fault

    assert found_by(Planted()), f"the suite takes {fault.__name__} for sound"
