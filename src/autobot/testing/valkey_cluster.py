"""A throw-away cluster of Valkey servers on loopback, each with a share of the slots."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from autobot.testing.valkey import PATIENCE_S, PAUSE_S, ValkeyServer

SLOTS: Final = 16_384


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


class ValkeyNode(ValkeyServer):
    """A server of a cluster. It keeps who it is and which slots it has over restarts, and no data unless `keep`."""

    def __init__(self, *, keep: bool = False) -> None:
        super().__init__(keep=keep)
        self.port, self.bus = free_port(), free_port()

    @property
    def url(self) -> str:
        """The server's address."""
        return f"redis://127.0.0.1:{self.port}"

    def reached(self) -> list[str]:
        """Return the options that make it a server of a cluster."""
        words = ["--bind", "127.0.0.1", "--port", str(self.port), "--cluster-port", str(self.bus)]
        return [*words, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000"]

    def told(self, command: str) -> str:
        """Return the text that it answers to a command."""
        return self.ask(command.encode()).decode(errors="replace")

    @property
    def id(self) -> str:
        """Its name in the cluster."""
        return self.told("CLUSTER MYID").splitlines()[1]

    def order(self, command: str) -> None:
        """Give a command that must be taken. Raises RuntimeError."""
        answer = self.told(command)
        if not answer.startswith("+OK"):
            raise RuntimeError(f"{command}: {answer}")


@contextmanager
def valkey_cluster(count: int = 3, *, keep: bool = False) -> Iterator[list[ValkeyNode]]:
    """Run a cluster for the block: all slots are served, and everybody knows by whom."""
    with ExitStack() as stack:
        nodes = [stack.enter_context(ValkeyNode(keep=keep)) for _ in range(count)]
        share = SLOTS // count
        for number, node in enumerate(nodes):
            last = SLOTS - 1 if number == count - 1 else (number + 1) * share - 1
            node.order(f"CLUSTER ADDSLOTSRANGE {number * share} {last}")
            node.order(f"CLUSTER SET-CONFIG-EPOCH {number + 1}")
        for node in nodes[1:]:
            nodes[0].order(f"CLUSTER MEET 127.0.0.1 {node.port} {node.bus}")
        until_ready(nodes)
        yield nodes


def until_ready(nodes: list[ValkeyNode]) -> None:
    """Wait until every server says that the cluster is whole. Raises RuntimeError."""
    until = time.monotonic() + PATIENCE_S
    wanted = (f"cluster_known_nodes:{len(nodes)}", "cluster_state:ok", f"cluster_slots_ok:{SLOTS}")
    while not all(
        all(word in told for word in wanted) for told in (node.told("CLUSTER INFO") for node in nodes)
    ):
        if time.monotonic() > until:
            raise RuntimeError(nodes[0].told("CLUSTER INFO"))
        time.sleep(PAUSE_S)
