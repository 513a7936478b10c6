"""The web client's import rules, with proof that its files were read: a cruise of nothing also reports success."""

import json
import subprocess
import sys
from typing import Any

from tools.console import say
from tools.environment import ROOT
from tools.web import WEB, environment_of_node

RULES = ROOT / "tools" / "dependency-cruiser.cjs"
TIMEOUT_S = 120


def problems(report: dict[str, Any], expected: set[str]) -> list[str]:
    """What is wrong with a cruise: broken rules, and files of the client that it never read."""
    summary = report["summary"]
    found = [
        f"{v['from']} → {v['to']}: {v['rule']['name']}"
        for v in summary["violations"]
        if v["rule"]["severity"] == "error"
    ]
    read = {module["source"] for module in report["modules"]}
    missed = sorted(expected - read)
    if missed:
        found.append(f"{len(missed)} of {len(expected)} files were not read, the first: {missed[0]}")
    if not expected:
        found.append("web/src holds no source file")
    return found


def main() -> int:
    """Cruise `web/src` and print what is wrong."""
    files = {
        path.relative_to(WEB).as_posix()
        for path in (WEB / "src").rglob("*")
        if path.suffix in {".ts", ".vue"} and not path.name.endswith(".d.ts")
    }
    done = subprocess.run(
        ["depcruise", "src", "--config", str(RULES), "--output-type", "json"],
        cwd=WEB,
        env=environment_of_node(),
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    try:
        report = json.loads(done.stdout)
    except ValueError:
        say((done.stderr or done.stdout)[-3000:])
        return 1
    found = problems(report, files)
    for line in found:
        say(line)
    say(f"{len(report['modules'])} modules read, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
