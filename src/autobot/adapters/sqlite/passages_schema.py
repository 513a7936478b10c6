"""The tables of the passages' file, format 1 (decision 0049).

What is searched is apart from what is shown: a search by words or vectors touches `words`, `vectors`, `passages` and
`versions`, whose rows are small, and reads `texts` only for what it found.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

import apsw

from autobot.adapters.sqlite.errors import mapped
from autobot.adapters.sqlite.files import Format, connect
from autobot.kernel.core.errors import ConfigurationError

TOKENIZER: Final = "porter unicode61 remove_diacritics 2"
"""What a word is: without regard to case and diacritics, and by Porter's endings."""

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
CREATE VIRTUAL TABLE words USING fts5(
  title, heading, text,
  content = 'texts', content_rowid = 'number', tokenize = '{TOKENIZER}'
);
INSERT INTO words(words, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER texts_come AFTER INSERT ON texts BEGIN
  INSERT INTO words(rowid, title, heading, text) VALUES (new.number, new.title, new.heading, new.text);
END;
CREATE TRIGGER texts_go AFTER DELETE ON texts BEGIN
  INSERT INTO words(words, rowid, title, heading, text)
  VALUES ('delete', old.number, old.title, old.heading, old.text);
END;
CREATE TABLE vectors(
  number INTEGER PRIMARY KEY,
  version INTEGER NOT NULL,
  vector BLOB NOT NULL
) STRICT;
CREATE INDEX vectors_version ON vectors(version);
"""  # noqa: S608 - the name is ours

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

FORMAT: Final = Format(version=1, ddl=DDL)


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
    except apsw.Error as error:
        connection.close()
        raise mapped(error) from error
    return connection
