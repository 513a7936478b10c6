"""The listeners keep the promise of `Listener`."""

import io
from collections.abc import Iterator

import pytest

from autobot.adapters.logs.setup import open_log
from autobot.adapters.prometheus.exposition import Exposition
from autobot.adapters.prometheus.listener import PrometheusListener
from autobot.kernel.links.arrivals import Arrivals
from autobot.kernel.telemetry.listener import Listener, Listeners
from autobot.testing.conformance.listener import ListenerSuite
from autobot.testing.virtual_time import ManualClock


class TestPrometheusListener(ListenerSuite):
    @pytest.fixture(autouse=True)
    def scraped(self) -> Iterator[None]:
        """Whatever was reported can be scraped in both formats."""
        self._heard = PrometheusListener()
        yield
        for accept in ("", "application/openmetrics-text; version=1.0.0"):
            _, body = Exposition(self._heard).render(accept)
            assert body.endswith(b"\n")

    def listener(self) -> Listener:
        return self._heard


class TestLogListener(ListenerSuite):
    @pytest.fixture(autouse=True)
    def log(self) -> Iterator[None]:
        """The log is written to the end."""
        self._stream = io.StringIO()
        with open_log(self._stream, ManualClock(), level="debug") as self._heard:
            yield
        assert all(line.startswith("{") for line in self._stream.getvalue().splitlines())

    def listener(self) -> Listener:
        return self._heard


class TestArrivals(ListenerSuite):
    def listener(self) -> Listener:
        return Arrivals(ManualClock())


class TestListeners(ListenerSuite):
    def listener(self) -> Listener:
        return Listeners(PrometheusListener(), Arrivals(ManualClock()))
