"""One round of eventsourcing on SQLite: appends one a commit, and replay of one aggregate, a second, as JSON.

Runs in the peer's own environment. A file in WAL mode, which is what the library sets; synchronous is SQLite's
default, FULL.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event


class Conversation(Aggregate):
    @event("Started")
    def __init__(self):
        self.messages, self.last = 0, ""

    @event("Posted")
    def post(self, message_id, content):
        self.messages, self.last = self.messages + 1, message_id


def main():
    seconds, length = float(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        name = str(Path(folder) / "peer.db")
        app = Application(env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": name})
        one, done = Conversation(), 0
        app.save(one)
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            one.post(f"m{done:034d}", "word " * 30)
            app.save(one)
            done += 1
        appended = done / (time.perf_counter() - began)
        other = Conversation()
        for number in range(length):
            other.post(f"m{number:034d}", "word " * 20)
        app.save(other)
        began = time.perf_counter()
        read = app.repository.get(other.id)
        replayed = length / (time.perf_counter() - began)
        assert read.messages == length
        app.close()
    print(json.dumps({"append, one writer": appended, "replay": replayed}))


main()
