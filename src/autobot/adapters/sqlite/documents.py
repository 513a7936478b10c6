"""Documents and their full text, written on the writer's connection."""

from __future__ import annotations

import apsw

from autobot.kernel.event_store.transaction import Delete, Put


def write_document(connection: apsw.Connection, table: str, write: Put | Delete, body: bytes) -> None:
    """Put or delete one document of the table that the write's name means, with its text."""
    execute = connection.execute
    found = execute(
        "SELECT number, searchable FROM documents WHERE tbl = ? AND key = ?", (table, write.key)
    ).fetchone()
    number, searchable = found if found is not None else (None, 0)
    if searchable:
        execute("DELETE FROM texts WHERE rowid = ?", (number,))
    if isinstance(write, Delete):
        if number is not None:
            execute("DELETE FROM documents WHERE number = ?", (number,))
        return
    values = (write.owner, write.group, write.sort, int(write.text is not None), body)
    if number is None:
        execute(
            "INSERT INTO documents(owner, grp, sort, searchable, body, tbl, key, version) VALUES(?,?,?,?,?,?,?,1)",
            (*values, table, write.key),
        )
        number = connection.last_insert_rowid()
    else:
        execute(
            "UPDATE documents SET owner = ?, grp = ?, sort = ?, searchable = ?, body = ?, version = version + 1"
            " WHERE number = ?",
            (*values, number),
        )
    if write.text is not None:
        execute("INSERT INTO texts(rowid, text) VALUES(?,?)", (number, write.text))


def drop_table(connection: apsw.Connection, table: str) -> None:
    """Delete every document of a table, with its text."""
    connection.execute(
        "DELETE FROM texts WHERE rowid IN (SELECT number FROM documents WHERE tbl = ? AND searchable)",
        (table,),
    )
    connection.execute("DELETE FROM documents WHERE tbl = ?", (table,))
