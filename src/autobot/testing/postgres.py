"""A throw-away PostgreSQL server of Debian's own programs, on a socket in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any, Final

PATIENCE_S: Final = 30.0
PROGRAMS: Final = "/usr/lib/postgresql"
"""Debian keeps each version's programs below this folder, outside the search path."""
ROLE: Final = "autobot"
WATCH: Final = """
cat >/dev/null; kill -INT "$1"; while kill -0 "$1" 2>/dev/null; do sleep 0.1; done; rm -rf "$2"
"""
"""Ends the server when the process that started it is gone: then its end of the pipe is closed."""


def program(name: str) -> str:
    """Return the path of a PostgreSQL program. Raises FileNotFoundError where there is none."""
    folders = sorted(Path(PROGRAMS).glob("*/bin"), key=lambda one: int(one.parent.name.partition(".")[0]))
    path = os.pathsep.join([*(str(one) for one in reversed(folders)), os.environ.get("PATH", "")])
    found = shutil.which(name, path=path)
    if found is None:
        raise FileNotFoundError(f"this machine has no {name}; on Debian: apt install postgresql")
    return found


def _user() -> dict[str, Any]:
    """Return how to start programs that refuse to run as root: as the package's user, else as nobody."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise FileNotFoundError("root needs the user postgres or nobody to start a PostgreSQL server")


class Cluster:
    """A server with an empty data folder; a context manager: made and started on entry, gone on exit.

    It listens on a Unix socket in its own folder, which is the server's user's alone. `durable` false spares the
    flushes: what the server was told survives the death of its processes all the same, but not the machine's. The
    folder is made in `below`, or where temporary files are.
    """

    def __init__(
        self, *, durable: bool = False, options: tuple[str, ...] = (), below: Path | None = None
    ) -> None:
        self._durable, self._options = durable, options
        self._user = _user()
        self._numbers = count(1)
        self.folder = Path(tempfile.mkdtemp(prefix="autobot-pg-", dir=below))
        self._server: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Cluster:
        try:
            if self._user:
                os.chown(self.folder, self._user["user"], self._user["group"])
            words = ["--auth=trust", f"--username={ROLE}", "--encoding=UTF8", "--no-locale", "--no-sync"]
            self._run(program("initdb"), "-D", str(self.folder / "data"), *words)
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, *words: str, given: str | None = None) -> str:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            words,
            input=given,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            cwd=self.folder,
            **self._user,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{words[0]} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def url(self, database: str) -> str:
        """Return the address of a database."""
        return f"postgresql://{ROLE}@/{database}?host={self.folder}"

    def database(self) -> str:
        """Make an empty database and return its address."""
        name = f"test_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def emptied(self) -> str:
        """Return the address of one database that is used again and again, without AutoBot's tables."""
        self.sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS autobot CASCADE")
        return self.url("postgres")

    @property
    def pid(self) -> int:
        """The server's process id. Raises RuntimeError when it does not run."""
        if self._server is None:
            raise RuntimeError("the server does not run")
        return self._server.pid

    def cpu_s(self) -> float:
        """Return the CPU seconds that the server's processes have spent so far, those that ended included."""
        assert self._server is not None
        spent = 0.0
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == self._server.pid or int(status.parent.name) == self._server.pid:
                ended = int(status.parent.name) == self._server.pid
                spent += sum(int(one) for one in fields[11 : 15 if ended else 13])
        return spent / os.sysconf("SC_CLK_TCK")

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement and return what it printed."""
        words = ("-qAtX", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", ROLE)
        return self._run(program("psql"), *words, "-d", database, "-c", statement).strip()

    def load(self, script: str, database: str = "postgres") -> None:
        """Run a script such as `dump` writes, all of it or, where a statement is refused, RuntimeError and none."""
        words = ("-qAtX", "-1", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", ROLE)
        self._run(program("psql"), *words, "-d", database, "-f", "-", given=script)

    def dump(self, database: str = "postgres") -> str:
        """Return everything that a database holds, as `pg_dump` writes it."""
        text = self._run(program("pg_dump"), "-h", str(self.folder), "-U", ROLE, database)
        # Newer ones put a random word at both ends.
        return "\n".join(line for line in text.splitlines() if "restrict " not in line[:12])

    # ------------------------------------------------------------------------------------------- its life

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = ["listen_addresses=", f"unix_socket_directories={self.folder}", "max_connections=200"]
        if not self._durable:
            settings += ["fsync=off", "full_page_writes=off"]
        settings += self._options
        words = [word for setting in settings for word in ("-c", setting)]
        log = (self.folder / "log").open("ab")
        with log:
            self._server = subprocess.Popen(
                [program("postgres"), "-D", str(self.folder / "data"), *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **self._user,
            )
        self._watch = subprocess.Popen(
            ["/bin/sh", "-c", WATCH, "watch", str(self._server.pid), str(self.folder)],
            stdin=subprocess.PIPE,
            **self._user,
        )
        end = time.monotonic() + PATIENCE_S
        while not self._ready():
            if self._server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.01)

    def _ready(self) -> bool:
        """Say whether the server takes connections: the last line of its pid file says so."""
        try:
            lines = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        own = self._server is not None and lines and lines[0] == str(self._server.pid)
        return bool(own and lines[-1].strip() == "ready")

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server: clients are cut off at once; `immediate` leaves it as a crash does."""
        if self._watch is not None:
            self._watch.kill()
            self._watch.communicate()
            self._watch = None
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
            try:
                self._server.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
            self._server = None

    def restart(self, *, immediate: bool = False) -> None:
        """Stop and start."""
        self.stop(immediate=immediate)
        self.start()
