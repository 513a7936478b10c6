"""What Prometheus scrapes: text format or OpenMetrics, as the scraper asks. The client library comes with the first scrape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from autobot.adapters.prometheus.listener import (
    ATTEMPTS,
    CHANGES,
    DURATION,
    OVERFLOW,
    REFUSED,
    RETRIES,
    TRANSITIONS,
    PrometheusListener,
)
from autobot.adapters.prometheus.series import Family, Labels

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

HELP: Final[Mapping[str, str]] = {
    ATTEMPTS: "Attempts on a target of a link, by outcome (ok, an error's code, cancelled).",
    DURATION: "Seconds that an attempt took.",
    RETRIES: "Attempts that repeated one before.",
    REFUSED: "Calls that the link's own pipeline turned away, by the refusal's code.",
    TRANSITIONS: "Transitions of circuit breakers.",
    CHANGES: "Changes of other things, by kind.",
    OVERFLOW: "Label sets that were counted together as other, because their metric had too many.",
    "autobot_link_first_chunk_seconds": "Seconds until the first chunk of a stream.",
    "autobot_link_cache_total": "Answers that a link's cache gave, by how.",
    "autobot_link_fallback_total": "Calls that went on to a further target.",
    "autobot_link_retry_budget_exhausted_total": "Retries that the link's budget did not allow.",
    "autobot_link_in_flight": "Attempts that run now.",
    "autobot_breaker_state": "1 for the state that a breaker is in.",
    "autobot_consumer_lag": "Events of the log behind what a consumer group has settled.",
    "autobot_consumer_oldest_age_seconds": "Age of the oldest event that a group has neither settled nor parked.",
    "autobot_consumer_in_flight": "Events that a group works on now.",
    "autobot_consumer_parked": "Events of a group that wait for their time or behind another of their key.",
    "autobot_consumer_paused": "1 while a group is paused, by failures or by a person.",
    "autobot_consumer_handled_total": "Events that a group has handled.",
    "autobot_consumer_redeliveries_total": "Deliveries to a group that repeated one before.",
    "autobot_dead_letters": "Dead letters of a group, by age: fresh, ageing (from 80 % of 14 days), overdue.",
    "autobot_websocket_handshake_seconds": "Seconds from a WebSocket's arrival to its acceptance.",
    "autobot_websocket_duration_seconds": "Seconds that a WebSocket was open, by close code.",
    "autobot_websocket_messages_received_total": "Frames that clients sent.",
    "autobot_websocket_messages_sent_total": "Frames that were sent to clients.",
    "autobot_websocket_pings_answered_total": "Pings of clients that were answered.",
    "autobot_realtime_resyncs_total": "Channels whose client was too slow or too far behind and had to start again.",
    "http_server_connection_requests_total": "Requests by connection, new or reused.",
    "http_server_request_duration_seconds": "Seconds that an HTTP request took, by route and status.",
    "http_server_request_body_bytes": "Sizes of request bodies.",
    "http_server_response_body_bytes": "Sizes of response bodies.",
    "http_client_response_body_bytes": "Sizes of answers on HTTP links.",
    "http_client_connections_total": "Connections that HTTP links took, new or reused.",
}


class Exposition:
    """Renders what a listener counted, with the figures of the process."""

    def __init__(self, listener: PrometheusListener) -> None:
        self._listener = listener
        self._registry: CollectorRegistry | None = None

    def render(self, accept: str = "") -> tuple[str, bytes]:
        """Return (content type, body) for an `Accept` field."""
        from prometheus_client.exposition import choose_encoder

        encode, content_type = choose_encoder(accept)
        return content_type, encode(self._collectors())

    def _collectors(self) -> CollectorRegistry:
        if self._registry is None:
            from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

            self._registry = CollectorRegistry(auto_describe=False)
            ProcessCollector(registry=self._registry)
            PlatformCollector(registry=self._registry)
            GCCollector(registry=self._registry)
            self._registry.register(_Collector(self._listener))
        return self._registry


class _Collector:
    """Turns series into the client library's families."""

    def __init__(self, listener: PrometheusListener) -> None:
        self._listener = listener

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before it is counted."""
        return ()

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        listener = self._listener
        overflow = CounterMetricFamily(OVERFLOW, HELP[OVERFLOW], labels=["metric"])
        for name, totals in listener.totals.items():
            names = _names(labels for labels, _ in totals)
            counter = CounterMetricFamily(name, _help(name), labels=names)
            for labels, total in totals:
                counter.add_metric(_values(names, labels), total.value)
            yield counter
            _note(overflow, name, totals)
        for name, spreads in listener.spreads.items():
            names = _names(labels for labels, _ in spreads)
            histogram = HistogramMetricFamily(name, _help(name), labels=names)
            for labels, spread in spreads:
                histogram.add_metric(
                    _values(names, labels), buckets=spread.cumulative(), sum_value=spread.sum
                )
            yield histogram
            _note(overflow, name, spreads)
        yield overflow
        yield from self._now()

    def _now(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily

        found: dict[str, list[tuple[Labels, float]]] = {}
        for name, labels, value in self._listener.gauges():
            found.setdefault(name, []).append((labels, value))
        for name, values in found.items():
            names = _names(labels for labels, _ in values)
            gauge = GaugeMetricFamily(name, _help(name), labels=names)
            for labels, value in values:
                gauge.add_metric(_values(names, labels), value)
            yield gauge


def link_gauges(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Labels, float]]:
    """Yield what rows of `/api/v1/system/links` say of now: calls in flight and breaker states."""
    for row in rows:
        link = ("link", str(row["id"]))
        yield "autobot_link_in_flight", (link,), float(row["in_flight"])
        for target in row["targets"]:
            for state in ("closed", "open", "half_open", "isolated", "shadow"):
                labels = (link, ("target", str(target["address"])), ("state", state))
                yield "autobot_breaker_state", labels, float(target["breaker_state"] == state)


class ConsumerFigures:
    """What consumer groups report, between scrapes: gauges of now, and counters from totals that only grow."""

    def __init__(self, listener: PrometheusListener) -> None:
        self._listener = listener
        self._gauges: list[tuple[str, Labels, float]] = []
        self._counted: dict[tuple[Labels, str], int] = {}
        listener.watch(lambda: self._gauges)

    def take(self, groups: Iterable[Any]) -> None:
        """Take the groups as `/api/v1/messaging/consumers` lists them: a group once for each process that serves it."""
        self._gauges.clear()
        seen = set[str]()
        for one in groups:
            group: Labels = (("group", str(one.group)),)
            labels = group if one.process == "all" else (*group, ("process", str(one.process)))
            for name, value in (
                ("lag", one.lag),
                ("oldest_age_seconds", one.oldest_age_s),
                ("in_flight", one.in_flight),
                ("parked", one.parked),
                ("paused", one.state == "paused"),
            ):
                self._gauges.append((f"autobot_consumer_{name}", labels, float(value)))
            if one.group not in seen:
                seen.add(one.group)
                fresh = one.dead - one.ageing - one.overdue
                for age, count in (("fresh", fresh), ("ageing", one.ageing), ("overdue", one.overdue)):
                    self._gauges.append(("autobot_dead_letters", (*group, ("age", age)), float(count)))
            for what in ("handled", "redeliveries"):
                before, total = self._counted.get((labels, what), 0), getattr(one, what)
                # A group that was served anew counts from 0 again.
                more = total - before if total >= before else total
                self._listener.counted(f"autobot_consumer_{what}_total", float(more), labels)
                self._counted[labels, what] = total


def _note(overflow: Any, name: str, family: Family[Any]) -> None:
    if family.dropped:
        overflow.add_metric([name], float(family.dropped))


def _names(every: Iterable[Labels]) -> list[str]:
    return list(dict.fromkeys(name for labels in every for name, _ in labels))


def _values(names: list[str], labels: Labels) -> list[str]:
    given = dict(labels)
    return [given.get(name, "").encode("utf-8", "backslashreplace").decode("utf-8") for name in names]


def _help(name: str) -> str:
    return HELP.get(name, f"Reported as {name}.")
