"""What is counted, under which names and labels, and how it is scraped."""

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from autobot.adapters.prometheus.exposition import Exposition, link_gauges
from autobot.adapters.prometheus.listener import PrometheusListener
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.errors import CircuitOpen, ConnectFailed
from autobot.kernel.telemetry.listener import Change, Hop

CONTEXT = CallContext(
    correlation_id="c", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
)
FIRST = Hop("ai-ollama", "http://127.0.0.1:11434", "generate", 0, CONTEXT)
AGAIN = Hop("ai-ollama", "http://127.0.0.1:11434", "generate", 1, CONTEXT)
TARGET = {"link": "ai-ollama", "target": "http://127.0.0.1:11434"}


class Scraped:
    """The samples of one scrape."""

    def __init__(self, listener: PrometheusListener) -> None:
        _, body = Exposition(listener).render()
        self.text = body.decode()
        self.families = {one.name: one for one in text_string_to_metric_families(self.text)}

    def value(self, name: str, **labels: str) -> float:
        """The value of one sample."""
        found = [
            sample.value
            for family in self.families.values()
            for sample in family.samples
            if sample.name == name and sample.labels == labels
        ]
        assert len(found) == 1, f"{name} {labels}: {found}"
        return found[0]


def test_attempts_are_counted_by_link_target_operation_and_outcome() -> None:
    """A good attempt, a failed one, a cancelled one and one that is our own fault are told apart."""
    listener = PrometheusListener()
    for error in (None, None, ConnectFailed("x"), asyncio.CancelledError(), KeyError("own")):
        if error is None:
            listener.completed(FIRST, 0.02)
        else:
            listener.failed(FIRST, 0.02, error)
    scraped = Scraped(listener)
    outcomes = {
        outcome: scraped.value("autobot_link_attempts_total", **TARGET, operation="generate", outcome=outcome)
        for outcome in ("ok", "connect-failed", "cancelled", "internal")
    }
    assert outcomes == {"ok": 2, "connect-failed": 1, "cancelled": 1, "internal": 1}


def test_latency_is_a_histogram_in_seconds() -> None:
    """Buckets are cumulative, count and sum add up."""
    listener = PrometheusListener()
    for seconds in (0.004, 0.02, 0.02, 7.0, 5000.0):
        listener.completed(FIRST, seconds)
    scraped = Scraped(listener)
    labels = {**TARGET, "operation": "generate"}
    name = "autobot_link_attempt_duration_seconds"
    assert scraped.value(f"{name}_count", **labels) == 5
    assert scraped.value(f"{name}_sum", **labels) == pytest.approx(5007.044)
    buckets = {
        le: scraped.value(f"{name}_bucket", **labels, le=le)
        for le in ("0.005", "0.025", "10.0", "3600.0", "+Inf")
    }
    assert buckets == {"0.005": 1, "0.025": 3, "10.0": 4, "3600.0": 4, "+Inf": 5}
    assert scraped.families[name].type == "histogram"


def test_retries_and_refusals_have_their_own_counters() -> None:
    """A further attempt counts as a retry; what our own pipeline turned away was never an attempt."""
    listener = PrometheusListener()
    listener.completed(AGAIN, 0.01)
    listener.failed(AGAIN, 0.01, ConnectFailed("x"))
    refusal = CircuitOpen("open", link="ai-ollama", target="t", since=0.0, retry_after=None)
    listener.failed(FIRST, 0.0, refusal)
    scraped = Scraped(listener)
    assert scraped.value("autobot_link_retries_total", **TARGET, operation="generate") == 2
    assert scraped.value("autobot_link_refused_total", **TARGET, code="circuit-open") == 1
    assert "circuit-open" not in scraped.text.replace('code="circuit-open"', "")


def test_transitions_of_breakers_are_counted() -> None:
    """A target's address may hold colons; other changes are counted by kind."""
    listener = PrometheusListener()
    subject = "breaker:ai-ollama:http://127.0.0.1:11434"
    listener.changed(Change(kind="breaker", subject=subject, before="closed", after="open"))
    listener.changed(Change(kind="policy", subject="link:ai-ollama", before="timeout 3", after="timeout 4"))
    scraped = Scraped(listener)
    labels = {**TARGET, "from": "closed", "to": "open"}
    assert scraped.value("autobot_breaker_transitions_total", **labels) == 1
    assert scraped.value("autobot_changes_total", kind="policy") == 1


def test_reports_by_name_become_what_their_suffix_says() -> None:
    """`_total` counts, `_seconds` and `_bytes` are histograms; our own names carry our prefix, shared ones stay."""
    listener = PrometheusListener()
    listener.counted("websocket_messages_total", 3, (("direction", "in"),))
    listener.counted("websocket_messages_total", 2, (("direction", "in"),))
    listener.counted("websocket_handshake_seconds", 0.003, ())
    route = (("method", "GET"), ("route", "/api/v1/x"), ("status", "200"))
    listener.counted("http_server_request_duration_seconds", 0.2, route)
    listener.counted("http_server_response_body_bytes", 1500, route)
    scraped = Scraped(listener)
    assert scraped.value("autobot_websocket_messages_total", direction="in") == 5
    assert scraped.value("autobot_websocket_handshake_seconds_bucket", le="0.005") == 1
    assert scraped.value("http_server_request_duration_seconds_count", **dict(route)) == 1
    assert scraped.value("http_server_response_body_bytes_bucket", **dict(route), le="4096.0") == 1
    assert scraped.value("http_server_response_body_bytes_bucket", **dict(route), le="1024.0") == 0


def test_labels_are_bounded() -> None:
    """Beyond the bound all further label sets are one series *other*, nothing is lost, and the overflow shows."""
    listener = PrometheusListener(series_max=10)
    for number in range(100):
        listener.counted("things_total", 1, (("number", str(number)),))
    scraped = Scraped(listener)
    samples = scraped.families["autobot_things"].samples
    assert len(samples) == 11
    assert sum(one.value for one in samples) == 100
    assert scraped.value("autobot_things_total", number="other") == 90
    assert scraped.value("autobot_metrics_overflow_total", metric="autobot_things_total") == 90


def test_targets_are_bounded_too() -> None:
    """A flood of targets neither grows without end nor loses a count."""
    listener = PrometheusListener(series_max=10)
    for number in range(100):
        listener.completed(Hop("a-b", f"target {number}", "read", 0, CONTEXT), 0.1)
    samples = [
        one.value
        for one in Scraped(listener).families["autobot_link_attempts"].samples
        if one.labels["outcome"] in ("ok", "other")
    ]
    assert len(samples) <= 11
    assert sum(samples) == 100


def test_gauges_are_asked_at_the_scrape() -> None:
    """What is now comes from whoever knows it: breaker states and calls in flight of the link registry's rows."""
    listener = PrometheusListener()
    rows = [{"id": "ai-ollama", "in_flight": 3, "targets": [{"address": "x", "breaker_state": "open"}]}]
    listener.watch(lambda: link_gauges(rows))
    scraped = Scraped(listener)
    assert scraped.value("autobot_link_in_flight", link="ai-ollama") == 3
    states = {
        state: scraped.value("autobot_breaker_state", link="ai-ollama", target="x", state=state)
        for state in ("closed", "open", "half_open", "isolated", "shadow")
    }
    assert states == {"closed": 0, "open": 1, "half_open": 0, "isolated": 0, "shadow": 0}


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain"),
        ("*/*", "text/plain"),
        (
            "application/openmetrics-text; version=1.0.0,text/plain;q=0.5",
            "application/openmetrics-text; version=1.0.0",
        ),
    ],
)
def test_the_scraper_chooses_the_format(accept: str, content_type: str) -> None:
    """Text format, or OpenMetrics with its end mark; both tell the process's own figures."""
    listener = PrometheusListener()
    listener.completed(FIRST, 0.1)
    exposition = Exposition(listener)
    for _ in range(2):
        given, body = exposition.render(accept)
        assert given.startswith(content_type)
        assert b"process_cpu_seconds_total" in body
        assert body.endswith(b"# EOF\n") == ("openmetrics" in content_type)


def test_the_client_library_is_not_loaded_before_the_first_scrape() -> None:
    """Start-up does not pay for it."""
    import subprocess
    import sys

    code = (
        "import sys, autobot.adapters.prometheus.listener, autobot.adapters.prometheus.exposition;"
        "print('prometheus_client' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
