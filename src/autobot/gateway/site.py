"""Where the product stands as clients see it, and the limits of its edge. Checked when built."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from autobot.kernel.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeLimits:
    """Limits of the edge; each is checked when built.

    Attributes:
        body_bytes: largest request body, 1 KiB to 1 GiB.
        body_bytes_by_prefix: other limits for paths that begin so (uploads).
        body_gap_s: seconds between two pieces of a body, 0.1 to 300.
        body_total_s: seconds for a whole body, at least `body_gap_s`.
        deadline_max_s: the most that `X-Deadline-Ms` may ask for.
        wait_max_s: the most that `Prefer: wait` is honoured for.
        disconnect_after_s: a request that runs longer is watched for its client going away; 0 never.
        frame_bytes: largest frame from a WebSocket client.
        channels_per_session: subscriptions of one WebSocket.
        queue_frames: frames that may wait for a slow client before it is told to resync.
        queue_bytes: the same in bytes.
        heartbeat_s: seconds between comments on a quiet event stream.
        reproof_s: seconds after which an open socket's credential is proven again.
    """

    body_bytes: int = 1_048_576
    body_bytes_by_prefix: tuple[tuple[str, int], ...] = ()
    body_gap_s: float = 15.0
    body_total_s: float = 60.0
    deadline_max_s: float = 86_400.0
    wait_max_s: float = 300.0
    disconnect_after_s: float = 0.1
    frame_bytes: int = 16_384
    channels_per_session: int = 100
    queue_frames: int = 512
    queue_bytes: int = 1_048_576
    heartbeat_s: float = 15.0
    reproof_s: float = 30.0

    def __post_init__(self) -> None:
        """Raise ConfigurationError for a value outside its range."""
        ranges = (
            ("body_bytes", 1_024, 1 << 30),
            ("body_gap_s", 0.1, 300),
            ("body_total_s", self.body_gap_s, 3_600),
            ("deadline_max_s", 1, 604_800),
            ("wait_max_s", 0, 3_600),
            ("disconnect_after_s", 0, 60),
            ("frame_bytes", 256, 1 << 24),
            ("channels_per_session", 1, 10_000),
            ("queue_frames", 8, 100_000),
            ("queue_bytes", 4_096, 1 << 28),
            ("heartbeat_s", 0.05, 300),
            ("reproof_s", 0.05, 3_600),
        )
        for name, low, high in ranges:
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigurationError(f"{name} is {value}; it must be between {low} and {high}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where the product stands as clients see it.

    Attributes:
        public_url: `https://host/sub/path`, or empty: then the Host field of a request counts.
        trusted_proxies: addresses and networks whose forwarding fields are believed; the word `unix` stands
            for a peer on a unix socket.
        static_folder: where the built web client lies, or will; None where none is served.
    """

    public_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    static_folder: Path | None = None

    def __post_init__(self) -> None:
        """Raise ConfigurationError for an address that is none."""
        if self.public_url and not self.public_url.startswith(("http://", "https://")):
            raise ConfigurationError(
                f"The public address {self.public_url!r} must begin with http:// or https://."
            )
        _ = self.networks

    @property
    def base(self) -> str:
        """The mount path without a slash at its end: `` or `/tools/autobot`."""
        if not self.public_url:
            return ""
        _, _, rest = self.public_url.partition("://")
        _, slash, path = rest.partition("/")
        return (slash + path).rstrip("/")

    @property
    def origin(self) -> str:
        """Scheme, host and port of the public address, empty without one."""
        scheme, _, rest = self.public_url.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}".lower() if rest else ""

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The trusted proxies as networks."""
        try:
            return tuple(ip_network(one, strict=False) for one in self.trusted_proxies if one != "unix")
        except ValueError as error:
            raise ConfigurationError(
                f"A trusted proxy is neither an address nor a network: {error}."
            ) from None
