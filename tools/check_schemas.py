"""The published schemas of messages: committed text equals what contracts say, and no change loses a message.

    python -m tools.check_schemas            judge
    python -m tools.check_schemas --write    write today's schemas, and keep what was published before

A change is held against what was published (origin/main, else main) and all that came before it;
`autobot.testing.schema_files` judges.
"""

import json
import subprocess
import sys

from tools.check_openapi import published_files
from tools.console import say
from tools.environment import ROOT, VENV, environ

FOLDER = "schema/messages"
ASYNCAPI = "schema/asyncapi.json"
WRITE = ".venv/bin/python -m tools.check_schemas --write"


def committed_files() -> dict[str, str]:
    """The schemas as they lie in the tree, by path."""
    paths = [*sorted((ROOT / FOLDER).rglob("*.json")), ROOT / ASYNCAPI]
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in paths
        if path.is_file()
    }


def judged(committed: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """What must lie in the folder, and what would lose messages, as today's code sees it."""
    schemas = {path: text for path, text in committed.items() if path != ASYNCAPI}
    given = json.dumps({"committed": schemas, "published": published_files(FOLDER)})
    done = subprocess.run(
        [VENV / "bin" / "python", "-m", "autobot.testing.schema_files"],
        cwd=ROOT,
        env=environ(),
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode != 0:
        raise SystemExit(f"the schemas could not be judged:\n{done.stderr[-2000:]}")
    answer = json.loads(done.stdout)
    return answer["wanted"], answer["broken"]


def write(committed: dict[str, str], wanted: dict[str, str]) -> None:
    """Write what must lie in the folder, and remove what must not."""
    for path, text in wanted.items():
        if committed.get(path) != text:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(text, encoding="utf-8")
            say(f"wrote {path}")
    for path in committed.keys() - wanted.keys():
        (ROOT / path).unlink()
        say(f"removed {path}")


def main(words: list[str]) -> int:
    """Judge or write."""
    committed = committed_files()
    wanted, broken = judged(committed)
    if words == ["--write"]:
        write(committed, wanted)
        return 0
    drift = sorted(
        path for path in wanted.keys() | committed.keys() if wanted.get(path) != committed.get(path)
    )
    for path in drift:
        say(f"{path} is not what the contracts say. Write it again: {WRITE}")
    for line in broken:
        say(f"loses messages: {line}")
    if broken:
        say("Give the changed event a new version and an upcaster; stored events stay as they are.")
    return 1 if drift or broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
