"""Start and memory of the core process: exec to ready, resident size idle and after the first chat answer.

    python -m bench.start [--rounds 5] [--idle 30]

The page cache is warm after the first, unmeasured start. `floor` is the same interpreter importing FastAPI
and uvicorn and nothing else: what any server of this kind pays.
"""

from __future__ import annotations

import argparse
import http.cookiejar
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

BARS = {"ready_s": 1.5, "idle_mib": 120.0, "after_answer_mib": 180.0}
PASSWORD = "a-password-for-the-bench"


def with_bytecode() -> dict[str, str]:
    """Return this environment, in which Python keeps what it compiled: an installation compiles its modules once."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(folder: str) -> tuple[subprocess.Popen[bytes], str, float]:
    """Start AutoBot; return process, address and the seconds until it said that it is ready."""
    port = free_port()
    program = Path(sys.executable).with_name("autobot")
    environment = {**with_bytecode(), "AUTOBOT_DATA_DIR": folder, "AUTOBOT_ADMIN_PASSWORD": PASSWORD}
    began = time.perf_counter()
    process = subprocess.Popen(
        [program, "up", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    while time.perf_counter() - began < 60:
        try:
            with urllib.request.urlopen(f"{address}/api/v1/system/health/ready", timeout=1) as answer:
                if answer.status == 200:
                    return process, address, time.perf_counter() - began
        except OSError:
            time.sleep(0.005)
    raise SystemExit("AutoBot was not ready within 60 s")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End it as an operator would."""
    process.send_signal(signal.SIGTERM)
    process.wait(30)


def resident_mib(pid: int) -> float:
    """Return the resident size of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("the process is gone")


def first_answer(address: str) -> None:
    """Sign in, load the page, and get one answer of the built-in assistant."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def call(path: str, body: Any, **headers: str) -> Any:
        request = urllib.request.Request(
            address + path, json.dumps(body).encode(), {"content-type": "application/json", **headers}
        )
        with opener.open(request, timeout=60) as answer:
            return json.loads(answer.read())

    opener.open(address + "/", timeout=30).read()
    token = call("/api/v1/auth/login", {"username": "admin", "password": PASSWORD})["csrf_token"]
    session = call("/api/v1/chat/sessions", {}, **{"x-csrf-token": token})
    answer = call(
        f"/api/v1/chat/sessions/{session['id']}/messages",
        {"content": "What does a breaker do?"},
        **{"x-csrf-token": token, "prefer": "wait=30"},
    )
    if answer.get("status") != "complete":
        raise SystemExit(f"no answer: {answer}")


def floor_s(rounds: int) -> float:
    """Return the seconds that an interpreter needs to import FastAPI and uvicorn."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import fastapi, uvicorn"], env=with_bytecode(), check=True)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle", type=float, default=30.0, help="seconds before the idle size is read")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    ready = []
    with tempfile.TemporaryDirectory() as folder:
        process, _, _ = start(folder)
        stop(process)
        for _ in range(options.rounds):
            process, address, took = start(folder)
            ready.append(took)
            if len(ready) < options.rounds:
                stop(process)
        time.sleep(options.idle)
        idle = resident_mib(process.pid)
        first_answer(address)
        after = resident_mib(process.pid)
        stop(process)
    found = {
        "ready_s": round(statistics.median(ready), 3),
        "idle_mib": round(idle, 1),
        "after_answer_mib": round(after, 1),
        "floor_import_fastapi_uvicorn_s": round(floor_s(options.rounds), 3),
    }
    for name, bar in BARS.items():
        print(f"{name:18} {found[name]:8.2f}   bar {bar:6.1f}  {'met' if found[name] <= bar else 'MISSED'}")
    print(
        f"{'floor':18} {found['floor_import_fastapi_uvicorn_s']:8.2f}   import of FastAPI and uvicorn alone"
    )
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
