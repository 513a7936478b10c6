"""The tables of the passages' file, format 2 (decisions 0049 and 0037).

What is searched is apart from what is shown: a search by words or vectors touches `words`, `vectors`, `passages` and
`versions`, whose rows are small, and reads `texts` only for what it found.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, Final

import apsw

from autobot.adapters.sqlite.errors import mapped
from autobot.adapters.sqlite.files import Format, connect
from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.core.scripts import spaced

TOKENIZER: Final = ("porter", "unicode61", "remove_diacritics", "2", "categories", "L* N* Co M*")
"""What a word is: with the marks of its letters, but without regard to case and diacritics, and by Porter's endings. It is
given what `spaced` makes of a text."""
_TOKENIZE: Final = " ".join(f"'{one}'" for one in TOKENIZER)

WORDS: Final = f"""
CREATE VIRTUAL TABLE words USING fts5(
  title, heading, text,
  content = 'texts', content_rowid = 'number', tokenize = "{_TOKENIZE}"
);
INSERT INTO words(words, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER texts_come AFTER INSERT ON texts BEGIN
  INSERT INTO words(rowid, title, heading, text)
  VALUES (new.number, spaced(new.title), spaced(new.heading), spaced(new.text));
END;
CREATE TRIGGER texts_go AFTER DELETE ON texts BEGIN
  INSERT INTO words(words, rowid, title, heading, text)
  VALUES ('delete', old.number, spaced(old.title), spaced(old.heading), spaced(old.text));
END;
"""  # noqa: S608 - the name is ours

DDL: Final = f"""
CREATE TABLE versions(
  number INTEGER PRIMARY KEY,
  document TEXT NOT NULL,
  version INTEGER NOT NULL,
  collection TEXT NOT NULL,
  owner TEXT NOT NULL,
  title TEXT NOT NULL,
  tags TEXT NOT NULL,
  model TEXT NOT NULL,
  dimensions INTEGER NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER,
  UNIQUE (document, version)
) STRICT;
CREATE TABLE passages(
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  version INTEGER NOT NULL,
  place INTEGER NOT NULL,
  start INTEGER NOT NULL,
  finish INTEGER NOT NULL,
  page INTEGER
) STRICT;
CREATE UNIQUE INDEX passages_place ON passages(version, place);
CREATE TABLE texts(
  number INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  heading TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
{WORDS}
CREATE TABLE vectors(
  number INTEGER PRIMARY KEY,
  version INTEGER NOT NULL,
  vector BLOB NOT NULL
) STRICT;
CREATE INDEX vectors_version ON vectors(version);
"""

PAST: Final = """
CREATE TABLE IF NOT EXISTS past(
  version INTEGER NOT NULL,
  title TEXT NOT NULL,
  tags TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (version, since)
) STRICT, WITHOUT ROWID;
"""
"""Labels that a version had before those of now. Made where it is missing: nothing that was there reads otherwise."""

MAPPED: Final = 1 << 31
"""Bytes of the file that are read where the system holds them: vectors lie far apart, and a call for each costs more than
comparing it. These pages are the system's to drop."""


def _words_anew(connection: apsw.Connection) -> None:
    """Read all texts into words again, as format 2 does: format 1 took a run of letters without spaces for one word."""
    _give_functions(connection)
    connection.execute("DROP TRIGGER texts_come; DROP TRIGGER texts_go; DROP TABLE words").fetchall()
    connection.execute(WORDS).fetchall()
    connection.execute(
        "INSERT INTO words(rowid, title, heading, text)"
        " SELECT number, spaced(title), spaced(heading), spaced(text) FROM texts ORDER BY number"
    ).fetchall()


def _give_functions(connection: apsw.Connection) -> None:
    def read(*texts: Any) -> str:
        return spaced(texts[0])

    connection.create_scalar_function("spaced", read, 1, deterministic=True)


# No copy of the older format is kept: the index follows from the originals, and what is erased must be nowhere.
FORMAT: Final = Format(version=2, ddl=DDL, steps={1: _words_anew}, copied=False)


def _extension() -> Path:
    """Return where sqlite-vec lies. Its package is not imported: that would load numpy into the core, 12 MB."""
    found = importlib.util.find_spec("sqlite_vec")
    if found is None or found.origin is None:
        raise ConfigurationError("The package sqlite-vec is missing.", hint="Install AutoBot anew.")
    return Path(found.origin).with_name("vec0")


def connect_passages(path: Path, *, writes: bool) -> apsw.Connection:
    """Return a connection that can compare vectors. Raises errors of the tree."""
    connection = connect(path, writes=writes)
    try:
        connection.execute(f"PRAGMA mmap_size = {MAPPED}").fetchall()
        connection.enable_load_extension(True)
        connection.load_extension(str(_extension()))
        connection.enable_load_extension(False)
        _give_functions(connection)
    except apsw.Error as error:
        connection.close()
        raise mapped(error) from error
    return connection
