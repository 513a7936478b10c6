"""`make bench`, `make bench-peers`, `make soak`: run one script of the project in the test environment."""

import os
import sys

from tools import environment
from tools.console import SetupError, stop


def main(arguments: list[str]) -> int:
    """Replace this process by the script; returns only when it is missing or the set-up failed."""
    script, *rest = arguments
    path = environment.ROOT / script
    try:
        if not path.is_file():
            raise SetupError(f"This version has no {script}, so there is nothing to run.")
        with environment.only_one():
            environment.sync(("check", "test"))
    except SetupError as error:
        return stop(error)
    python = environment.VENV / "bin" / "python"
    os.chdir(environment.ROOT)
    env = environment.environ() | {"PYTHONPATH": str(environment.ROOT)}
    os.execve(python, [str(python), str(path), *rest], env)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
