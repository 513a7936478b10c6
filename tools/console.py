"""How the scripts speak: one line per step, a clear last word when a step cannot be done."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class SetupError(Exception):
    """A step that cannot be done on this machine; the text names the cause and the fix."""


def say(text: str) -> None:
    """Print one line at once, also into a pipe."""
    print(text, flush=True)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Announce a step, then say how many seconds it took."""
    say(f"{what} ...")
    started = time.monotonic()
    yield
    say(f"{what}: {time.monotonic() - started:.1f} s")


def quietly(
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    failure: str,
    timeout_s: float = 900,
) -> str:
    """Run a program and return what it printed; raise SetupError with its last lines when it fails.

    Args:
        argv: the program and its arguments, never through a shell.
        cwd: the folder to run in.
        env: the whole environment of the program.
        failure: what went wrong and what to do, in the words of the person who started this.
        timeout_s: seconds after which the program counts as hung.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=dict(env),
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        raise SetupError(f"{failure}\n  {words[0]} is not on this machine.") from error
    except subprocess.TimeoutExpired as error:
        raise SetupError(f"{failure}\n  {words[0]} did not end within {timeout_s:.0f} s.") from error
    if done.returncode != 0:
        tail = "\n".join("  | " + line for line in done.stdout.strip().splitlines()[-25:])
        raise SetupError(f"{failure}\n{tail}\n  ({' '.join(words)} ended with {done.returncode})")
    return done.stdout


def stop(error: SetupError) -> int:
    """Print why nothing more can be done; the exit code of a failed set-up."""
    sys.stdout.flush()
    print(f"\n{error}", file=sys.stderr, flush=True)
    return 1
