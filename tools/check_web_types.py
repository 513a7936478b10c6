"""The web client's API types are those of the committed schema."""

import subprocess
import sys

from tools.console import say
from tools.environment import ROOT
from tools.web import WEB, environment_of_node

SCHEMA = ROOT / "schema" / "openapi.json"
TYPES = WEB / "src" / "contracts" / "openapi.d.ts"
TIMEOUT_S = 120


def main() -> int:
    """Generate the types anew and compare them with the file in the tree."""
    for path in (SCHEMA, TYPES):
        if not path.is_file():
            say(f"{path.relative_to(ROOT)} is missing")
            return 1
    done = subprocess.run(
        ["openapi-typescript", str(SCHEMA)],
        cwd=WEB,
        env=environment_of_node(),
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    if done.returncode != 0:
        say((done.stderr or done.stdout)[-3000:])
        return 1
    if done.stdout.strip() != TYPES.read_text(encoding="utf-8").strip():
        say(
            f"{TYPES.relative_to(ROOT)} does not fit {SCHEMA.relative_to(ROOT)}. Write it again: npm --prefix web run types"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
