"""`make run`: set up what is missing, then become the server."""

import os
import sys
import time

from tools import environment, web
from tools.console import SetupError, say, stop


def main(arguments: list[str]) -> int:
    """Set up and replace this process by `.venv/bin/autobot up`; returns only when the set-up failed."""
    started = time.monotonic()
    try:
        with environment.only_one():
            environment.sync()
            environment.warm()
            web.build_or_keep()
    except SetupError as error:
        return stop(error)
    say(f"Set-up: {time.monotonic() - started:.1f} s")
    program = environment.VENV / "bin" / "autobot"
    os.chdir(environment.ROOT)
    os.execv(program, [str(program), "up", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
