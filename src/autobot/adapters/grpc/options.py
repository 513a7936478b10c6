"""Options of gRPC servers and channels, as its core names them."""

from __future__ import annotations

from typing import Final

from autobot.kernel.links.hop_wire import ANSWER_MAX, PAYLOAD_MAX

ENVELOPE: Final = 1_024
"""Bytes that a message may have around the payload that it carries."""
METADATA_MAX: Final = 64 * 1024
KEEPALIVE_MS: Final = 20_000
RECONNECT_MS: Final = (100, 2_000)
"""Shortest and longest pause between two attempts to connect: whether a target is asked at all is its breaker's to say."""

Options = tuple[tuple[str, int | str], ...]


def server_options(payload_max: int = PAYLOAD_MAX) -> Options:
    """Return the options of a server that takes payloads up to a size."""
    return (
        ("grpc.max_receive_message_length", payload_max + ENVELOPE),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", METADATA_MAX),
        ("grpc.absolute_max_metadata_size", METADATA_MAX),
        ("grpc.so_reuseport", 0),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", KEEPALIVE_MS // 2),
    )


def channel_options(answer_max: int = ANSWER_MAX) -> Options:
    """Return the options of a channel that takes answers up to a size. Retries are the pipeline's alone."""
    first, most = RECONNECT_MS
    return (
        ("grpc.max_receive_message_length", answer_max + ENVELOPE),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", METADATA_MAX),
        ("grpc.absolute_max_metadata_size", METADATA_MAX),
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", 0),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", first),
        ("grpc.min_reconnect_backoff_ms", first),
        ("grpc.max_reconnect_backoff_ms", most),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.primary_user_agent", "autobot"),
    )
