"""Starts the whole in one process, tells where it is, and ends it in order."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from autobot.adapters.system.sockets import bind_unix
from autobot.bootstrap.channels import follow_log
from autobot.bootstrap.dialling import CONTROL_SOCKET
from autobot.bootstrap.edge import Edge, quotas_of
from autobot.bootstrap.outside import real_outside
from autobot.bootstrap.product import Product, assemble
from autobot.bootstrap.running import every, running
from autobot.bootstrap.server import WebServer, address_of, listen, run_loop, settle_memory
from autobot.config import Config
from autobot.contracts import identity
from autobot.gateway.control import Control
from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import ConfigurationError, NotFound
from autobot.kernel.event_store.patience import patiently

USAGE_EVERY_S: Final = 60.0
"""How often it is written when credentials were last used."""
OPERATOR: Final = Principal(id="cli", kind="service", role="admin", user_id="cli", username="command line")
"""Who the command line is: the operating system let it open the control socket."""
Say = Callable[[str], None]


def check_tls(config: Config) -> None:
    """Raise ConfigurationError unless certificate and key can be used together."""
    if config.tls_cert is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(config.tls_cert, config.tls_key, password="")
    except (OSError, ValueError) as error:
        why = error.reason if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None)
        raise ConfigurationError(
            f"{config.tls_cert} and {config.tls_key} cannot be used for TLS: {why or 'the key is encrypted'}.",
            hint="AUTOBOT_TLS_CERT is a certificate chain in PEM, AUTOBOT_TLS_KEY its key without a password.",
        ) from error


def control_of(product: Product) -> Control:
    """Return what answers the command line."""
    commands = [spec.command for module in product.modules for spec in module.commands]
    queries = [spec.query for module in product.modules for spec in module.queries]

    async def person(name: str) -> Principal:
        asked = identity.ListUsers(name_or_id=name)
        page: identity.UserPage = await product.bus.ask(asked, product.context(OPERATOR))
        if not page.items:
            raise NotFound(f"There is no user {name}.")
        view = page.items[0]
        return Principal(id=view.id, kind="user", role=view.role, user_id=view.id, username=view.username)

    return Control(product.bus, commands, queries, lambda: product.context(OPERATOR), person)


async def first_start(product: Product) -> str | None:
    """Make the administrator when there is nobody; return the token of a sign-in link to show, if any."""
    context = product.context(OPERATOR)
    answer = await product.bus.dispatch(identity.FirstStart(password=product.config.admin_password), context)
    if answer.value.sealed_link is None:
        return None
    token: str = await product.bus.ask(identity.Reveal(sealed=answer.value.sealed_link), context)
    return token


@asynccontextmanager
async def open_console(config: Config, *, decisions: bool = True) -> AsyncIterator[Control]:
    """Open the product without its edge, for the command line. Takes the folder's lock.

    Without `decisions` rows run as the files say, whatever operators made of them at run time: so one that
    locks everybody out can be taken back.
    """
    async with real_outside(config, quiet=True) as outside:
        async with running(assemble(config, outside), decisions=decisions) as product:
            await first_start(product)
            yield control_of(product)


def serve(config: Config, *, port: int | None, say: Say) -> int:
    """Run AutoBot until it is told to stop; returns the exit code."""
    return run_loop(lambda: _serve(config, port, say))


async def _serve(config: Config, port: int | None, say: Say) -> int:
    async with real_outside(config) as outside:
        check_tls(config)
        bound = listen(config, port)
        product = assemble(replace(config, port=bound.getsockname()[1]), outside)
        edge = Edge(product, await quotas_of(product))
        async with running(product), controlled(product, config.data_dir / CONTROL_SOCKET):
            token = await first_start(product)
            address = address_of(config, bound)
            if outside.lock is not None:
                outside.lock.tell(address)
            _greet(say, config.public_url or address, token)
            await _until_stopped(edge, bound, config)
    return 0


def _greet(say: Say, address: str, token: str | None) -> None:
    say(f"AutoBot is at {address}")
    if token is not None:
        say(f"Sign in once with {address}/sign-in#token={token}")


@asynccontextmanager
async def controlled(product: Product, path: Path) -> AsyncIterator[None]:
    """Answer the command line for the block."""
    bound = await asyncio.to_thread(bind_unix, path)
    server = await control_of(product).serve(bound)
    try:
        yield
    finally:
        server.close()
        await asyncio.to_thread(path.unlink, missing_ok=True)


async def _until_stopped(edge: Edge, bound: socket.socket, config: Config) -> None:
    server = WebServer(edge.app, bound, config, edge.product.outside.ids, edge.limits.frame_bytes)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        """Refuse new work, tell open sockets to come back later, let requests end."""
        edge.lifecycle.drain()
        server.stop()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in edge_work(edge, await edge.product.store.head())]
        settle_memory()
        edge.lifecycle.ready()
        serving = group.create_task(server.serve())
        for word in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(word, stop)
        await serving
        for task in tasks:
            task.cancel()
    await edge.credentials.flush()


def edge_work(
    edge: Edge, head: int, ended: Callable[[str], None] = lambda _: None
) -> tuple[Coroutine[Any, Any, None], ...]:
    """Return what an edge does beside its requests; it follows the log from `head` on, and tells which runs `ended`."""
    return (
        every(USAGE_EVERY_S, edge.credentials.flush),
        follow_log(edge.product.store, edge.fanout, ended, after=head),
        _prove_on_change(edge, head),
        edge.board.run(),
    )


async def _prove_on_change(edge: Edge, head: int) -> None:
    """Prove open sockets again when anything about identities changed: a suspension closes them at once."""
    async for batch in edge.product.store.subscribe(after=head):
        if any(one.message.type.startswith("autobot.identity.") for one in batch):
            await patiently(edge.fanout.prove_all)
