"""Programs that tests start and that come from the operating system."""

import os
import shutil
from pathlib import Path

from tools.console import SetupError, quietly, say
from tools.environment import ROOT, environ

# Program → Debian package.
PROGRAMS = {"chromium": "chromium", "nginx": "nginx-light", "bwrap": "bubblewrap", "initdb": "postgresql"}
WHAT_NEEDS_THEM = {
    "chromium": "the browser tests",
    "nginx": "the tests behind a TLS reverse proxy",
    "bwrap": "the sandbox tests",
    "initdb": "the tests against a PostgreSQL server",
}


def has(program: str) -> bool:
    """Whether this machine has a program: on the search path, or where Debian keeps those of servers."""
    folders = [
        os.environ.get("PATH", ""),
        "/usr/sbin",
        "/sbin",
        *map(str, Path("/usr/lib/postgresql").glob("*/bin")),
    ]
    return shutil.which(program, path=os.pathsep.join(folders)) is not None


def missing() -> list[str]:
    """The programs of PROGRAMS that this machine does not have."""
    return [program for program in PROGRAMS if not has(program)]


def _is_debian() -> bool:
    release = Path("/etc/os-release")
    return (
        release.is_file()
        and "debian" in release.read_text(encoding="utf-8").lower()
        and bool(shutil.which("apt-get"))
    )


def ensure_programs() -> None:
    """Install what is missing when root on Debian; elsewhere print the command and name what cannot run."""
    wanted = missing()
    if not wanted:
        return
    packages = [PROGRAMS[program] for program in wanted]
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if _is_debian() and os.geteuid() == 0:
        env = environ() | {"DEBIAN_FRONTEND": "noninteractive"}
        failure = f"These Debian packages could not be installed: {' '.join(packages)}."
        say(f"Installing Debian packages: {' '.join(packages)} ...")
        try:
            quietly(["apt-get", "update", "--quiet"], cwd=ROOT, env=env, failure=failure)
            quietly(command, cwd=ROOT, env=env, failure=failure)
        except SetupError as error:
            say(str(error))
        wanted = missing()
    else:
        say("Some programs are missing. On Debian: sudo " + " ".join(command))
    for program in wanted:
        say(f"  without {program}, {WHAT_NEEDS_THEM[program]} are skipped")
