"""The tables of format 1.

Nothing is indexed when it is appended. Indexes by stream, id, correlation id and idempotency key would touch
one page each for every row, which costs more than all the rest of a commit. Rows above the fold marks
(`marks.folded` for events, `marks.answered` for answers; a few thousand at most) are found through memory or
a short scan, and folded into `ids`, `streams`, `correlations` and `places` in bulk, sorted.
"""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x4155_5442
"""`AUTB` in the header of the file: this file is ours."""

VERSION: Final = 1
"""The format that this code writes (`PRAGMA user_version`)."""

DDL: Final = """
CREATE TABLE events(
  position INTEGER PRIMARY KEY,
  stream TEXT NOT NULL,
  revision INTEGER NOT NULL,
  committed INTEGER NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  correlation TEXT NOT NULL,
  time INTEGER NOT NULL,
  hash BLOB NOT NULL,
  meta BLOB NOT NULL,
  data BLOB
) STRICT;
CREATE TABLE ids(
  id TEXT PRIMARY KEY,
  position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE streams(
  stream TEXT NOT NULL,
  revision INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (stream, revision)
) STRICT, WITHOUT ROWID;
CREATE TABLE correlations(
  correlation TEXT NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (correlation, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit(
  sequence INTEGER PRIMARY KEY,
  hash BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE TABLE answers(
  number INTEGER PRIMARY KEY,
  place INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  scope TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  status TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE TABLE places(
  place INTEGER NOT NULL,
  number INTEGER NOT NULL,
  PRIMARY KEY (place, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoints(
  consumer TEXT PRIMARY KEY,
  position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE inbox(
  consumer TEXT NOT NULL,
  source TEXT NOT NULL,
  id TEXT NOT NULL,
  handled INTEGER NOT NULL,
  PRIMARY KEY (consumer, source, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE documents(
  number INTEGER PRIMARY KEY,
  tbl TEXT NOT NULL,
  key TEXT NOT NULL,
  owner TEXT NOT NULL,
  grp TEXT NOT NULL,
  sort TEXT NOT NULL,
  version INTEGER NOT NULL,
  searchable INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX documents_key ON documents(tbl, key);
CREATE INDEX documents_sort ON documents(tbl, sort, key);
CREATE INDEX documents_owner ON documents(tbl, owner, sort, key) WHERE owner <> '';
CREATE INDEX documents_group ON documents(tbl, grp, sort, key) WHERE grp <> '';
CREATE VIRTUAL TABLE texts USING fts5(text, tokenize = "unicode61 remove_diacritics 2");
INSERT INTO texts(texts, rank) VALUES ('secure-delete', 1);
CREATE TABLE snapshots(
  stream TEXT NOT NULL,
  schema TEXT NOT NULL,
  revision INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (stream, schema)
) STRICT, WITHOUT ROWID;
CREATE TABLE aliases(
  name TEXT PRIMARY KEY,
  target TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE marks(
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO marks VALUES ('folded', 0), ('answered', 0);
"""
