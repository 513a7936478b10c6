"""Servers that read one file and are killed meanwhile, each a fork of this process, which has loaded all they need.

    python -m tests.integration.documents.reading_child SANDBOX

SANDBOX is the program that confines readers, empty for none. For each line on standard input, the name of a file, it prints the id of a process
that begins to read it; an empty line waits until that process was ended.
"""

from __future__ import annotations

import asyncio
import os
import sys

from autobot.adapters.documents.parser import ChildParser, ParserOptions
from autobot.testing.conformance.parsing import CONTEXT, unread


class Sure(ChildParser):
    """A parser that knows what confines its readers, without a proof of each server."""

    def __init__(self, sandbox: str) -> None:
        super().__init__(options=ParserOptions(bubblewrap=sandbox or None))
        self._sandbox = "bubblewrap" if sandbox else "limits"


async def _read(parser: ChildParser, name: str) -> None:
    await parser.parse(unread(b"<p>Herons wade." * 2000, name, "text/html"), CONTEXT)


def main() -> None:
    """Do it."""
    server = 0
    for line in sys.stdin:
        if not line.strip():
            os.waitpid(server, 0)
            print(flush=True)
            continue
        server = os.fork()
        if server == 0:
            asyncio.run(_read(Sure(sys.argv[1]), line.strip()))
            os._exit(0)
        print(server, flush=True)


if __name__ == "__main__":
    main()
