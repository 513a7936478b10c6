"""Gives the passages of a document another title, other tags, another collection, and keeps what they had."""

from __future__ import annotations

import json
from typing import Any

import apsw

from autobot.contexts.knowledge.ports.index import Labels


def label(connection: apsw.Connection, labels: Labels) -> None:
    """Write the labels of a document. The version that is found now keeps those that it had as its past."""
    execute = connection.execute
    execute(
        "UPDATE versions SET collection = ? WHERE document = ?", (labels.collection, labels.document_id)
    ).fetchall()
    row: Any = execute(
        "SELECT d.number, d.title, d.tags, coalesce(max(h.until), d.since) FROM versions d"
        " LEFT JOIN past h ON h.version = d.number WHERE d.document = ? AND d.until IS NULL GROUP BY d.number",
        (labels.document_id,),
    ).fetchone()
    tags = json.dumps(labels.tags)
    if row is None or row[1:3] == (labels.title, tags):
        return
    number, title, before, since = row
    if labels.position > since:
        execute(
            "INSERT INTO past(version, title, tags, since, until) VALUES(?,?,?,?,?)",
            (number, title, before, since, labels.position),
        ).fetchall()
    execute(
        "UPDATE versions SET title = ?, tags = ? WHERE number = ?", (labels.title, tags, number)
    ).fetchall()
    if title != labels.title:
        _retitle(connection, number, labels.title)


def _retitle(connection: apsw.Connection, version: int, title: str) -> None:
    """Write the title of every passage. Each gets another number, as its words are others now."""
    execute = connection.execute
    texts: Any = execute(
        "SELECT t.number, t.heading, t.text FROM passages p JOIN texts t ON t.number = p.number"
        " WHERE p.version = ? ORDER BY p.place",
        (version,),
    ).fetchall()
    for number, heading, text in texts:
        # First another place: there is one passage of a version at each.
        execute(
            "INSERT INTO passages(version, place, start, finish, page)"
            " SELECT version, -1 - place, start, finish, page FROM passages WHERE number = ?",
            (number,),
        ).fetchall()
        new = connection.last_insert_rowid()
        execute("DELETE FROM passages WHERE number = ?", (number,)).fetchall()
        execute("UPDATE passages SET place = -1 - place WHERE number = ?", (new,)).fetchall()
        execute("UPDATE vectors SET number = ? WHERE number = ?", (new, number)).fetchall()
        # The words of a text follow from its coming and going.
        execute("DELETE FROM texts WHERE number = ?", (number,)).fetchall()
        execute(
            "INSERT INTO texts(number, title, heading, text) VALUES(?,?,?,?)", (new, title, heading, text)
        ).fetchall()
