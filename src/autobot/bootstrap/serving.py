"""Starts the whole in one process, tells where it is, and ends it in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import uvicorn

from autobot.adapters.system.lock import told_address
from autobot.adapters.system.sockets import bind_unix, connect_unix
from autobot.bootstrap.channels import follow_log
from autobot.bootstrap.edge import Edge, quotas_of
from autobot.bootstrap.outside import real_outside
from autobot.bootstrap.product import Product, assemble
from autobot.bootstrap.protocols import protocols
from autobot.bootstrap.running import every, running
from autobot.config import Config
from autobot.contracts import identity
from autobot.gateway.control import Control
from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.event_store.patience import patiently

CONTROL_SOCKET: Final = "control.sock"
USAGE_EVERY_S: Final = 60.0
"""How often it is written when credentials were last used."""
CONTROL_LINE_MAX: Final = 64 * 1024 * 1024
"""Bytes of one answer."""
BACKLOG: Final = 2048
DRAIN_S: Final = 10
"""Seconds that open requests get to end after a stop was asked for."""
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


def listen(config: Config, port: int | None) -> socket.socket:
    """Bind the address. Raises ConfigurationError when it is taken."""
    wanted = config.port if port is None else port
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((config.host, wanted))
        # Whoever follows the printed link while the server still starts waits in line instead of being refused.
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise ConfigurationError(
            f"{config.host}:{wanted} cannot be listened on: {error.strerror}.",
            hint="Stop what uses it, or set AUTOBOT_HOST or AUTOBOT_PORT.",
        ) from error
    return bound


async def dial_control(config: Config) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """Return a connection to the AutoBot that runs on this data folder, None when none does."""
    dialled = await asyncio.to_thread(connect_unix, config.data_dir / CONTROL_SOCKET)
    if dialled is None:
        return None
    return await asyncio.open_unix_connection(sock=dialled, limit=CONTROL_LINE_MAX)


def running_address(config: Config) -> str | None:
    """Return where the AutoBot that runs on this data folder listens, None when it does not serve."""
    return told_address(config.data_dir)


def control_of(product: Product) -> Control:
    """Return what answers the command line."""
    commands = [spec.command for module in product.modules for spec in module.commands]
    queries = [spec.query for module in product.modules for spec in module.queries]
    return Control(product.bus, commands, queries, lambda: product.context(OPERATOR))


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
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.run(_serve(config, port, say))
    return asyncio.run(_serve(config, port, say))


async def _serve(config: Config, port: int | None, say: Say) -> int:
    async with real_outside(config) as outside:
        check_tls(config)
        bound = listen(config, port)
        product = assemble(config, outside)
        edge = Edge(product, await quotas_of(product))
        async with running(product), _controlled(product, config.data_dir / CONTROL_SOCKET):
            token = await first_start(product)
            address = _address(config, bound)
            if outside.lock is not None:
                outside.lock.tell(address)
            _greet(say, config.public_url or address, token)
            await _until_stopped(edge, bound, config)
    return 0


def _address(config: Config, bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    scheme = "https" if config.tls_cert else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _greet(say: Say, address: str, token: str | None) -> None:
    say(f"AutoBot is at {address}")
    if token is not None:
        say(f"Sign in once with {address}/sign-in#token={token}")


@asynccontextmanager
async def _controlled(product: Product, path: Path) -> AsyncIterator[None]:
    bound = await asyncio.to_thread(bind_unix, path)
    server = await control_of(product).serve(bound)
    try:
        yield
    finally:
        server.close()
        await asyncio.to_thread(path.unlink, missing_ok=True)


async def _until_stopped(edge: Edge, bound: socket.socket, config: Config) -> None:
    server = uvicorn.Server(
        uvicorn.Config(
            edge.app,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            **protocols(edge.product.outside.ids),
            ws_max_size=edge.limits.frame_bytes,
            lifespan="on",
            ssl_certfile=str(config.tls_cert) if config.tls_cert else None,
            ssl_keyfile=str(config.tls_key) if config.tls_key else None,
            timeout_graceful_shutdown=DRAIN_S,
            timeout_keep_alive=75,
        )
    )
    loop = asyncio.get_running_loop()

    def stop() -> None:
        """Refuse new work, tell open sockets to come back later, let requests end."""
        edge.lifecycle.drain()
        server.should_exit = True

    async with asyncio.TaskGroup() as group:
        flushing = group.create_task(every(USAGE_EVERY_S, edge.credentials.flush))
        store = edge.product.store
        following = group.create_task(follow_log(store, edge.fanout, after=await store.head()))
        proving = group.create_task(_prove_on_change(edge))
        settle_memory()
        edge.lifecycle.ready()
        serving = group.create_task(_serve_quietly(server, bound))
        for word in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(word, stop)
        await serving
        for task in (flushing, following, proving):
            task.cancel()
    await edge.credentials.flush()


def settle_memory() -> None:
    """Keep what the start made out of the collector's way.

    Hundreds of thousands of objects live as long as the process: collecting over them cost 100–150 µs a
    request at 32 in flight. Young objects are still collected, in larger steps.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


async def _serve_quietly(server: Any, bound: socket.socket) -> None:
    """Serve with our own signal handlers in place of the server's."""
    server.capture_signals = contextlib.nullcontext
    await server.serve(sockets=[bound])


async def _prove_on_change(edge: Edge) -> None:
    """Prove open sockets again when anything about identities changed: a suspension closes them at once."""
    store = edge.product.store
    async for batch in store.subscribe(after=await store.head()):
        if any(one.message.type.startswith("autobot.identity.") for one in batch):
            await patiently(edge.fanout.prove_all)
