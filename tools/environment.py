"""The Python environment: uv in `.tools`, the project in `.venv`, both from the committed lock file.

Nothing that somebody added to `.venv` (development groups, parts of `autobot add`) is ever removed: every sync is inexact.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.console import SetupError, quietly, say

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
STAMPS = TOOLS / "stamps"
UV = TOOLS / "bin" / "uv"
UV_VERSION = "0.13.9"
ACCELERATED = {
    ("linux", "x86_64"): (2, 28),
    ("linux", "aarch64"): (2, 35),
    ("darwin", "arm64"): (),
    ("win32", "amd64"): (),
}
"""Systems for which OpenVINO has packages; on Linux from which glibc on."""
ACCELERATED_BELOW = (3, 15)
NETWORK_FIX = (
    "Needed once: the Python package index. Check the network or the proxy (HTTPS_PROXY, SSL_CERT_FILE)."
)


def environ() -> dict[str, str]:
    """The environment of every program that we start: no foreign virtual environment, no Python downloads."""
    env = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONHOME"}}
    return env | {"UV_PROJECT_ENVIRONMENT": str(VENV), "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}


@contextmanager
def only_one() -> Iterator[None]:
    """Hold the set-up lock, so that two `make` in one clone do not build over one another."""
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another set-up in this folder ...")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def fingerprint(paths: Iterable[Path], *extra: str) -> str:
    """One hash over names and contents, in a stable order; missing files count as absent."""
    digest = hashlib.blake2b(digest_size=20)
    for word in extra:
        digest.update(word.encode() + b"\0")
    for path in sorted(paths):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0")
        digest.update(hashlib.blake2b(path.read_bytes()).digest() if path.is_file() else b"absent")
    return digest.hexdigest()


def stamped(name: str, value: str) -> bool:
    """Whether the step `name` was last finished with this very fingerprint."""
    stamp = STAMPS / name
    return stamp.is_file() and stamp.read_text() == value


def stamp(name: str, value: str) -> None:
    """Remember that the step `name` is finished for this fingerprint."""
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / name).write_text(value)


def size_mb(folder: Path) -> int:
    """Megabytes that the files below a folder take, links not followed."""
    total = 0
    for base, _, files in os.walk(folder):
        total += sum(os.lstat(Path(base) / name).st_size for name in files)
    return round(total / 1_000_000)


def _answers(program: Path | str, expected: str) -> bool:
    try:
        done = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and expected in done.stdout.split()


def ensure_uv() -> Path:
    """The pinned uv at `.tools/bin/uv`; taken from PATH when it is that version, else installed beside."""
    if _answers(UV, UV_VERSION):
        return UV
    UV.parent.mkdir(parents=True, exist_ok=True)
    UV.unlink(missing_ok=True)
    on_path = shutil.which("uv")
    if on_path and _answers(on_path, UV_VERSION):
        UV.symlink_to(on_path)
        return UV
    say(f"Installing uv {UV_VERSION} into .tools ...")
    UV.symlink_to(Path("..") / _install_uv(TOOLS / "uv").relative_to(TOOLS))
    return UV


def _install_uv(home: Path) -> Path:
    """Install the pinned uv below `home`, by an own virtual environment or, where Python has no venv, by pip alone."""
    wanted = ["install", "--quiet", f"uv=={UV_VERSION}"]
    failure = f"uv could not be installed. {NETWORK_FIX}"
    shutil.rmtree(home, ignore_errors=True)
    try:
        quietly([sys.executable, "-m", "venv", home], cwd=ROOT, env=environ(), failure="no venv")
    except SetupError:
        shutil.rmtree(home, ignore_errors=True)
        failure = "This Python has no working venv or pip. Install them (Debian: apt install python3-venv) and try again."
        words: list[str | Path] = [sys.executable, "-m", "pip", *wanted, "--target", home]
    else:
        words = [home / "bin" / "python", "-m", "pip", *wanted]
    quietly(words, cwd=ROOT, env=environ(), failure=failure)
    return home / "bin" / "uv"


def _venv_python_usable() -> bool:
    python = VENV / "bin" / "python"
    try:
        done = subprocess.run(
            [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"], check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


WARM = """
import compileall, importlib, importlib.util

for name in "autobot pydantic starlette_compress typer uvicorn zstandard".split():
    found = importlib.util.find_spec(name)
    for folder in found.submodule_search_locations if found else ():
        compileall.compile_dir(folder, quiet=2)
for name in (
    "autobot.cli.app autobot.bootstrap.serving aiohttp argon2 cryptography.hazmat.primitives.ciphers.aead uvloop"
    " asyncpg redis.asyncio pypdf docx trafilatura"
).split():
    try:
        importlib.import_module(name)
    except ImportError:
        pass  # A part that is not installed.
"""
"""Compiles whole packages of which a start imports more as it goes; then what else it, the clients of other stores and
readers of documents import."""


def caching() -> dict[str, str]:
    """The environment of programs that keep what they compile, also where bytecode is forbidden: it lies in this folder."""
    return {name: text for name, text in environ().items() if name != "PYTHONDONTWRITEBYTECODE"}


def warm() -> None:
    """Compile what processes of the product import, once for each state of the sources: it halves every start after.

    Nothing depends on it, so a failure is not told: the start itself will say what is wrong.
    """
    sources = [path for path in (ROOT / "src").rglob("*.py") if path.is_file()]
    value = fingerprint([*sources, ROOT / "uv.lock"], WARM)
    if stamped("compiled", value):
        return
    done = subprocess.run(
        [VENV / "bin" / "python", "-c", WARM], cwd=ROOT, env=caching(), capture_output=True, check=False
    )
    if done.returncode == 0:
        stamp("compiled", value)


def extras() -> tuple[str, ...]:
    """Return the parts that every set-up installs: reading of documents, and inference where its runtime has packages."""
    kind, version = platform.libc_ver()
    least = ACCELERATED.get((sys.platform, platform.machine().lower()))
    if least is None or sys.version_info >= ACCELERATED_BELOW:
        return ("documents",)
    if sys.platform == "linux" and (kind != "glibc" or tuple(map(int, version.split("."))) < least):
        return ("documents",)
    return ("documents", "npu")


def sync(groups: tuple[str, ...] = ()) -> None:
    """Bring `.venv` to the locked versions of the core, its usual parts and these dependency groups; removes nothing.

    Raises:
        SetupError: the index is out of reach, or the lock file does not fit pyproject.toml.
    """
    name = "-".join(("environment", *groups))
    value = fingerprint([ROOT / "uv.lock", ROOT / "pyproject.toml"], sys.executable, str(ROOT))
    program = VENV / "bin" / "autobot"
    if program.exists() and stamped(name, value) and _venv_python_usable():
        return
    started = time.monotonic()
    uv = ensure_uv()
    if not _venv_python_usable():
        quietly(
            [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, VENV],
            cwd=ROOT,
            env=environ(),
            failure="The environment .venv could not be made. If it is damaged, remove the folder and try again.",
        )
    chosen = [word for group in groups for word in ("--group", group)]
    chosen += [word for extra in extras() for word in ("--extra", extra)]
    say(f"Installing {' and '.join(('the core', *extras(), *groups))} into .venv ...")
    quietly(
        [uv, "sync", "--quiet", "--frozen", "--inexact", "--no-default-groups", *chosen],
        cwd=ROOT,
        env=environ(),
        failure=f"The packages of uv.lock could not be installed. {NETWORK_FIX}",
    )
    if not program.exists():
        raise SetupError(
            "The environment has no .venv/bin/autobot: does pyproject.toml still name the script?"
        )
    stamp(name, value)
    say(f"Environment .venv: {size_mb(VENV)} MB, ready in {time.monotonic() - started:.1f} s")
