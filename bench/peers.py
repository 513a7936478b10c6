"""`make bench-peers`: heavy peers beside ours, in throw-away environments, into `bench/results/peers.md`.

Each peer is installed at the version that `bench/peers/requirements-*.txt` pins, by uv, in a temporary folder. Rounds
alternate between ours and the peer; a figure is the median round. What could not be installed or run in its time is
printed as *quoted*, with the source; nothing quoted is compared as if it were measured.

    python bench/peers.py [guards events tokens streams proxy] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

INSTALL_S, STEP_S, START_S, ALL_S = 120, 60, 60, 300
SOURCE = "design measurements of this project on 2 cores, 2026"


@dataclass(frozen=True)
class Quoted:
    """A figure from elsewhere."""

    name: str
    text: str
    source: str = SOURCE


QUOTES = {
    "guards": [Quoted("hyx, breaker and retry", "8.1 µs"), Quoted("usual mixes", "20–25 µs")],
    "events": [Quoted("eventsourcing append", "3,700/s"), Quoted("eventsourcing replay", "60,000/s")],
    "tokens": [Quoted("PyJWT, HS256", "23 µs to issue, 58 µs to read")],
    "streams": [
        Quoted("FastStream", "5,000 messages a second"),
        Quoted("taskiq", "3,000 messages a second"),
        Quoted("redis-py pipelined, bare", "76,000 messages a second"),
    ],
    "proxy": [Quoted("LiteLLM proxy", "6,300–7,200 µs CPU a request, 11.8 ms added to the first token")],
}


class Unmeasured(Exception):
    """The peer could not be measured here; says why."""


def uv() -> str:
    """Return the project's uv, else one on the path."""
    own = ROOT / ".tools" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if found is None:
        raise Unmeasured("there is no uv")
    return found


def run(words: list[str], timeout_s: float) -> str:
    """Run a program and return what it printed. Raises Unmeasured with the end of what it complained."""
    try:
        done = subprocess.run(
            words, cwd=ROOT, env=clean(), capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Unmeasured(f"{Path(words[0]).name} took more than {timeout_s:.0f} s") from error
    if done.returncode != 0:
        raise Unmeasured((done.stderr or done.stdout).strip().splitlines()[-1][:200])
    return done.stdout


def clean() -> dict[str, str]:
    """Return this environment without the names that would steer a peer or AutoBot."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOBOT_", "PYTHON"))}
    return kept | {"PYTHONPATH": ""}


@contextlib.contextmanager
def environment(name: str) -> Iterator[Path]:
    """Give the bin folder of a throw-away environment with a peer's pinned packages."""
    with tempfile.TemporaryDirectory(prefix=f"peer-{name}-") as folder:
        run([uv(), "venv", "--quiet", "--python", sys.executable, folder], INSTALL_S)
        python = str(Path(folder) / "bin" / "python")
        pins = HERE / "peers" / f"requirements-{name}.txt"
        began = time.monotonic()
        run([uv(), "pip", "install", "--quiet", "--python", python, "-r", str(pins)], INSTALL_S)
        print(f"   {name}: installed in {time.monotonic() - began:.0f} s", flush=True)
        yield Path(folder) / "bin"


def alternate(name: str, rounds: int, until: float, *words: str) -> tuple[dict[str, float], dict[str, float]]:
    """Run our and the peer's round in turn; return the medians of both."""
    ours: dict[str, list[float]] = {}
    theirs: dict[str, list[float]] = {}
    with environment(name) as peer:
        sides = (
            (ours, [sys.executable, "-c", _AS_MODULE, f"bench.peers.ours_{name}", str(ROOT)]),
            (theirs, [str(peer / "python"), str(HERE / "peers" / f"{name}.py")]),
        )
        for number in range(rounds):
            if number and time.monotonic() > until:
                print(f"   {name}: {number} of {rounds} rounds, the time is up", flush=True)
                break
            for found, command in sides:
                for one, figure in json.loads(run([*command, *words], STEP_S).splitlines()[-1]).items():
                    found.setdefault(one, []).append(figure)
    return tuple(  # type: ignore[return-value]
        {one: statistics.median(figures) for one, figures in found.items()} for found in (ours, theirs)
    )


# `bench/peers.py` hides the folder of that name from `-m`, so the file is run by its path with the root before it.
_AS_MODULE = (
    "import runpy, sys; name, root = sys.argv[1:3]; sys.path.insert(0, root); "
    "sys.argv[1:] = sys.argv[3:]; runpy.run_path(f'{root}/' + name.replace('.', '/') + '.py', run_name='__main__')"
)


def guards(rounds: int, until: float) -> list[str]:
    """Compare the link pipeline with resilience libraries."""
    ours, theirs = alternate("guards", rounds, until, "20000")
    bare = {"ours": ours.pop("bare await"), "theirs": theirs.pop("bare await (peers' process)")}
    base = ours["as shipped (metrics, windows)"] - bare["ours"]
    lines = [f"{'µs CPU over a bare await':52} {'figure':>9} {'÷ ours as shipped':>18}"]
    for side, found in (("ours", ours), ("theirs", theirs)):
        for name, us in found.items():
            label = f"AutoBot: {name}" if side == "ours" else name
            over = us - bare[side]
            lines.append(f"{label:52} {over:9.2f} {over / base:18.1f}")
    return lines


def events(rounds: int, until: float) -> list[str]:
    """Compare the event store with eventsourcing."""
    ours, theirs = alternate("events", rounds, until, "1.0", "20000")
    lines = [f"{'a second':60} {'figure':>10} {'ratio':>7}"]
    for name, rate in ours.items():
        peer = theirs["replay" if name == "replay" else "append, one writer"]
        lines.append(f"{'AutoBot: ' + name:60} {rate:10,.0f} {rate / peer:7.1f}")
    lines += [f"{'eventsourcing: ' + name:60} {rate:10,.0f} {1:7.1f}" for name, rate in theirs.items()]
    return [*lines, "eventsourcing writes the event alone; ours also claim, audit record and checkpoint."]


def tokens(rounds: int, until: float) -> list[str]:
    """Compare service tokens with JWT libraries."""
    ours, theirs = alternate("tokens", rounds, until, "5000")
    lines = [f"{'µs CPU':24} {'figure':>9} {'÷ ours':>8}"]
    for name, us in ({f"AutoBot {one}": us for one, us in ours.items()} | theirs).items():
        lines.append(f"{name:24} {us:9.1f} {us / ours[name.split()[-1]]:8.1f}")
    return lines


def streams(rounds: int, until: float) -> list[str]:
    """Compare events through Redis Streams with FastStream, taskiq and bare redis-py, on one server."""
    from autobot.testing.valkey import ValkeyServer

    with ValkeyServer() as server:
        ours, theirs = alternate("streams", rounds, until, server.url, "6000", "2.0")
    figures = {f"AutoBot: {name}": value for name, value in ours.items()} | theirs
    base = ours[next(name for name in ours if name.endswith(" rate"))]
    lines = [f"{'':50} {'messages/s':>10} {'÷ ours':>7} {'µs CPU':>7} {'p50 µs':>7} {'p99 µs':>7}"]
    for name in dict.fromkeys(one.rpartition(" ")[0] for one in figures):
        rate = figures[f"{name} rate"]
        waits = [figures.get(f"{name} {one}") for one in ("p50_us", "p99_us")]
        told = " ".join(f"{'':>7}" if one is None else f"{one:7,.0f}" for one in waits)
        lines.append(f"{name:50} {rate:10,.0f} {rate / base:7.2f} {figures[f'{name} cpu_us']:7.1f} {told}")
    return [
        *lines,
        "Publish → group → handler → acknowledgement in one process; waits at 200 messages a second.",
        "Peers and redis-py: no log, no order per key, no dead letters, no inbox.",
    ]


def proxy(rounds: int, until: float) -> list[str]:
    """Compare the model gateway hop with the LiteLLM proxy."""
    from bench.gateway_hop import child, product

    with (
        environment("proxy") as peer,
        child("upstream") as (_, direct),
        product(f"http://127.0.0.1:{direct}") as (pid, port, key),
        litellm(peer, direct) as (peer_pid, peer_port, peer_key),
    ):
        sides = {"AutoBot": (pid, port, key), "LiteLLM proxy": (peer_pid, peer_port, peer_key)}
        return asyncio.run(hops(rounds, until, direct, sides))


async def hops(rounds: int, until: float, direct: int, sides: dict[str, tuple[int, int, str]]) -> list[str]:
    """Ask both in turn: CPU of whole answers at 32 in flight, time added to the first token, memory."""
    from bench.gateway_hop import cpu_us, first_token_ms, load, request

    cpu: dict[str, list[float]] = {name: [] for name in sides}
    first: dict[str, list[float]] = {name: [] for name in ("direct", *sides)}
    for _, port, key in sides.values():
        await load(port, request(port, key, stream=False), 64)
        await load(port, request(port, key, stream=True), 64)
    for number in range(rounds):
        if number and time.monotonic() > until:
            print(f"   proxy: {number} of {rounds} rounds, the time is up", flush=True)
            break
        for name, (pid, port, key) in sides.items():
            requests = 3000 if name == "AutoBot" else 300
            cpu[name].append(await cpu_us(pid, port, request(port, key, stream=False), requests))
            first[name].append(await first_token_ms(port, request(port, key, stream=True), 50))
        first["direct"].append(await first_token_ms(direct, request(direct, "", stream=True), 50))
    base = statistics.median(first["direct"])
    ours = statistics.median(cpu["AutoBot"])
    lines = [f"{'':16} {'µs CPU a request':>17} {'ratio':>6} {'ms to first token, added':>25} {'RSS MB':>7}"]
    for name, (pid, _, _) in sides.items():
        us, ms = statistics.median(cpu[name]), statistics.median(first[name]) - base
        lines.append(f"{name:16} {us:17,.0f} {us / ours:6.1f} {ms:25.2f} {rss_mb(pid):7.0f}")
    return lines


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


@contextlib.contextmanager
def litellm(bin_folder: Path, target: int) -> Iterator[tuple[int, int, str]]:
    """Run the proxy with one worker, a key and no database; give process id, port and key."""
    from autobot.testing.harness import free_port

    port, key = free_port(), "sk-bench"
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        model = {"model": "openai/m", "api_base": f"http://127.0.0.1:{target}/v1", "api_key": "none"}
        settings = {
            "model_list": [{"model_name": "openai:m", "litellm_params": model}],
            "general_settings": {"master_key": key},
        }
        config.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
        quiet = {"LITELLM_TELEMETRY": "False", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
        words = [
            str(bin_folder / "litellm"),
            "--config",
            str(config),
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(words, cwd=folder, env=clean() | quiet, stdout=log, stderr=log)
            try:
                until_ready(process, port)
                yield process.pid, port, key
            finally:
                process.kill()
                process.wait()


def until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait until the proxy says that it lives. Raises Unmeasured."""
    from autobot.testing.client import Client

    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), Client(f"http://127.0.0.1:{port}") as client:
            if client.get("/health/liveliness").status == 200:
                return
        time.sleep(0.2)
    raise Unmeasured(f"the proxy was not ready within {START_S} s")


STEPS: dict[str, tuple[str, Callable[[int, float], list[str]]]] = {
    "guards": ("Link pipeline beside resilience libraries", guards),
    "events": ("Event store beside eventsourcing, SQLite", events),
    "tokens": ("Service tokens beside JWT libraries", tokens),
    "streams": ("Events through Redis Streams beside FastStream and taskiq", streams),
    "proxy": ("Model gateway hop beside the LiteLLM proxy", proxy),
}


def measured(name: str, rounds: int, until: float) -> list[str]:
    """Return the lines of one comparison, quoted where it could not be made."""
    try:
        if time.monotonic() > until:
            raise Unmeasured("the time of this run was used up")
        return STEPS[name][1](rounds, until)
    except (Unmeasured, SystemExit, OSError) as error:
        quotes = [f"{one.name}: {one.text}   *quoted*: {one.source}" for one in QUOTES[name]]
        return [f"Not measured: {error}", *quotes]


def main() -> int:
    """Run what was asked for; write and print the results."""
    from bench.around import line

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="*", choices=[*STEPS, []], help="all when left out")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    until = time.monotonic() + ALL_S - STEP_S
    parts = [
        "# Measured beside peers",
        "",
        line(),
        "",
        f"Medians of {options.rounds} rounds, alternating.",
        "",
    ]
    for name in options.only or STEPS:
        title = STEPS[name][0]
        print(f"== {title}", flush=True)
        pins = (HERE / "peers" / f"requirements-{name}.txt").read_text(encoding="utf-8").split()
        lines = measured(name, options.rounds, until)
        print("\n".join(lines) + "\n", flush=True)
        parts += [
            f"## {title}",
            "",
            "Peers: " + ", ".join(pins) + f"; load {os.getloadavg()[0]:.2f}",
            "",
            "```text",
            *lines,
            "```",
            "",
        ]
    if not options.only:
        results = HERE / "results"
        results.mkdir(exist_ok=True)
        (results / "peers.md").write_text("\n".join(parts), encoding="utf-8")
        print("Written to bench/results/peers.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
