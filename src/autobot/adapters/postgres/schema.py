"""The tables and functions of format 1, in a PostgreSQL schema of their own.

`head` is one row, and the fence between processes: every commit changes it first and only if it is as the writer
knew it (`epoch`), so commits of all processes follow one another, and positions, revisions and the audit chain are
given inside them. Readers are never in the way. It also names the last writer and the number of its commit, and when
another one writes, that moves to `writers`: so a writer that lost its connection learns whether its commit happened.

Texts compare by code point (COLLATE "C"). Documents, meta data and the text that was indexed are bytes, so that they
come back as they were.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = 1
"""The format that this code writes (`autobot.format`)."""

DDL: Final = """
CREATE TABLE autobot.format(version integer NOT NULL);
CREATE TABLE autobot.head(
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  epoch bigint NOT NULL,
  position bigint NOT NULL,
  committed bigint NOT NULL,
  audited bigint NOT NULL,
  audit_hash bytea NOT NULL,
  writer text COLLATE "C" NOT NULL,
  number bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO autobot.head VALUES (true, 0, 0, 0, 0, decode(repeat('00', 32), 'hex'), '', 0);
CREATE TABLE autobot.writers(
  writer text COLLATE "C" PRIMARY KEY,
  number bigint NOT NULL,
  seen timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 10);
CREATE TABLE autobot.events(
  position bigint PRIMARY KEY,
  stream text COLLATE "C" NOT NULL,
  revision bigint NOT NULL,
  committed bigint NOT NULL,
  id text COLLATE "C" NOT NULL UNIQUE,
  type text COLLATE "C" NOT NULL,
  correlation text COLLATE "C" NOT NULL,
  time bigint NOT NULL,
  hash bytea NOT NULL,
  meta bytea NOT NULL,
  data bytea,
  UNIQUE (stream, revision)
);
CREATE INDEX events_correlation ON autobot.events(correlation, position);
CREATE TABLE autobot.audit(
  sequence bigint PRIMARY KEY,
  hash bytea NOT NULL,
  body bytea NOT NULL
);
CREATE TABLE autobot.answers(
  scope text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  fingerprint text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  body bytea NOT NULL,
  expires bigint NOT NULL,
  PRIMARY KEY (scope, key)
);
CREATE INDEX answers_expires ON autobot.answers USING brin (expires);
CREATE TABLE autobot.checkpoints(
  consumer text COLLATE "C" PRIMARY KEY,
  position bigint NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE autobot.inbox(
  consumer text COLLATE "C" NOT NULL,
  source text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  handled bigint NOT NULL,
  PRIMARY KEY (consumer, source, id)
);
CREATE INDEX inbox_handled ON autobot.inbox USING brin (handled);
CREATE TABLE autobot.documents(
  tbl text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  owner text COLLATE "C" NOT NULL,
  grp text COLLATE "C" NOT NULL,
  sort text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  body bytea NOT NULL,
  text bytea,
  words tsvector,
  PRIMARY KEY (tbl, key)
) WITH (fillfactor = 80);
CREATE INDEX documents_sort ON autobot.documents(tbl, sort, key);
CREATE INDEX documents_owner ON autobot.documents(tbl, owner, sort, key) WHERE owner <> '';
CREATE INDEX documents_group ON autobot.documents(tbl, grp, sort, key) WHERE grp <> '';
CREATE INDEX documents_words ON autobot.documents USING gin (words) WHERE words IS NOT NULL;
CREATE TABLE autobot.snapshots(
  stream text COLLATE "C" NOT NULL,
  schema text COLLATE "C" NOT NULL,
  revision bigint NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (stream, schema)
);
CREATE TABLE autobot.aliases(
  name text COLLATE "C" PRIMARY KEY,
  target text COLLATE "C" NOT NULL
);

-- One group of transactions; arrays that are NULL have no rows. `_before` is the last writer when it is another one.
-- False, and nothing is written, when another process has written since `_epoch`.
CREATE FUNCTION autobot.commit(
  _epoch bigint, _writer text, _number bigint, _before text, _before_number bigint, _now bigint,
  _position bigint, _committed bigint, _audited bigint, _audit_hash bytea,
  e_stream text[], e_revision bigint[], e_id text[], e_type text[], e_correlation text[], e_time bigint[],
  e_hash bytea[], e_meta bytea[], e_data bytea[],
  a_hash bytea[], a_body bytea[],
  w_scope text[], w_key text[], w_fingerprint text[], w_status text[], w_body bytea[], w_expires bigint[],
  c_consumer text[], c_position bigint[],
  i_consumer text[], i_source text[], i_id text[],
  d_tbl text[], d_key text[], d_owner text[], d_grp text[], d_sort text[], d_steps bigint[],
  d_body bytea[], d_text bytea[], d_words text[],
  x_tbl text[], x_key text[],
  s_stream text[], s_schema text[], s_revision bigint[], s_data bytea[]
) RETURNS boolean LANGUAGE plpgsql AS $body$
DECLARE
  changed bigint;
BEGIN
  UPDATE autobot.head SET epoch = _epoch + 1, position = _position, committed = _committed, audited = _audited,
    audit_hash = _audit_hash, writer = _writer, number = _number WHERE epoch = _epoch;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF _before IS NOT NULL THEN
    INSERT INTO autobot.writers(writer, number) VALUES (_before, _before_number)
      ON CONFLICT (writer) DO UPDATE SET number = excluded.number, seen = now();
  END IF;
  IF cardinality(e_id) > 0 THEN
    INSERT INTO autobot.events
      SELECT _position - cardinality(e_id) + n, stream, revision, _committed, id, type, correlation, time, hash, meta,
        data
      FROM unnest(e_stream, e_revision, e_id, e_type, e_correlation, e_time, e_hash, e_meta, e_data)
        WITH ORDINALITY AS e(stream, revision, id, type, correlation, time, hash, meta, data, n);
  END IF;
  IF cardinality(a_hash) > 0 THEN
    INSERT INTO autobot.audit
      SELECT _audited - cardinality(a_hash) + n, hash, body
      FROM unnest(a_hash, a_body) WITH ORDINALITY AS a(hash, body, n);
  END IF;
  IF cardinality(w_key) > 0 THEN
    INSERT INTO autobot.answers AS a
      SELECT * FROM unnest(w_scope, w_key, w_fingerprint, w_status, w_body, w_expires)
      ON CONFLICT (scope, key) DO UPDATE SET fingerprint = excluded.fingerprint, status = excluded.status,
        body = excluded.body, expires = excluded.expires WHERE a.expires <= _now;
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed < cardinality(w_key) THEN
      RAISE unique_violation USING MESSAGE = 'an idempotency key has an answer';
    END IF;
  END IF;
  IF cardinality(c_consumer) > 0 THEN
    INSERT INTO autobot.checkpoints AS c SELECT * FROM unnest(c_consumer, c_position)
      ON CONFLICT (consumer) DO UPDATE SET position = excluded.position WHERE c.position < excluded.position;
  END IF;
  IF cardinality(i_id) > 0 THEN
    INSERT INTO autobot.inbox SELECT consumer, source, id, _now
      FROM unnest(i_consumer, i_source, i_id) AS i(consumer, source, id);
  END IF;
  IF cardinality(x_key) > 0 THEN
    DELETE FROM autobot.documents d USING unnest(x_tbl, x_key) AS x(tbl, key)
      WHERE d.tbl = x.tbl AND d.key = x.key;
  END IF;
  IF cardinality(d_key) > 0 THEN
    INSERT INTO autobot.documents AS d
      SELECT tbl, key, owner, grp, sort, steps, body, text, words::tsvector
      FROM unnest(d_tbl, d_key, d_owner, d_grp, d_sort, d_steps, d_body, d_text, d_words)
        AS p(tbl, key, owner, grp, sort, steps, body, text, words)
      ON CONFLICT (tbl, key) DO UPDATE SET owner = excluded.owner, grp = excluded.grp, sort = excluded.sort,
        version = d.version + excluded.version, body = excluded.body, text = excluded.text, words = excluded.words;
  END IF;
  IF cardinality(s_stream) > 0 THEN
    INSERT INTO autobot.snapshots AS s SELECT * FROM unnest(s_stream, s_schema, s_revision, s_data)
      ON CONFLICT (stream, schema) DO UPDATE SET revision = excluded.revision, data = excluded.data
      WHERE s.revision <= excluded.revision;
  END IF;
  RETURN true;
END
$body$;

-- The same for one event with at most one answer, audit record and checkpoint, by the writer that wrote last: half the
-- cost, as nothing has to be taken apart.
CREATE FUNCTION autobot.commit_one(
  _epoch bigint, _writer text, _number bigint, _now bigint,
  _position bigint, _committed bigint, _audited bigint, _audit_hash bytea,
  e_stream text, e_revision bigint, e_id text, e_type text, e_correlation text, e_time bigint,
  e_hash bytea, e_meta bytea, e_data bytea,
  a_hash bytea, a_body bytea,
  w_scope text, w_key text, w_fingerprint text, w_status text, w_body bytea, w_expires bigint,
  c_consumer text, c_position bigint
) RETURNS boolean LANGUAGE plpgsql AS $body$
BEGIN
  UPDATE autobot.head SET epoch = _epoch + 1, position = _position, committed = _committed, audited = _audited,
    audit_hash = _audit_hash, writer = _writer, number = _number WHERE epoch = _epoch;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO autobot.events VALUES (_position, e_stream, e_revision, _committed, e_id, e_type, e_correlation, e_time,
    e_hash, e_meta, e_data);
  IF a_hash IS NOT NULL THEN
    INSERT INTO autobot.audit VALUES (_audited, a_hash, a_body);
  END IF;
  IF w_key IS NOT NULL THEN
    INSERT INTO autobot.answers AS a VALUES (w_scope, w_key, w_fingerprint, w_status, w_body, w_expires)
      ON CONFLICT (scope, key) DO UPDATE SET fingerprint = excluded.fingerprint, status = excluded.status,
        body = excluded.body, expires = excluded.expires WHERE a.expires <= _now;
    IF NOT FOUND THEN
      RAISE unique_violation USING MESSAGE = 'an idempotency key has an answer';
    END IF;
  END IF;
  IF c_consumer IS NOT NULL THEN
    INSERT INTO autobot.checkpoints AS c VALUES (c_consumer, c_position)
      ON CONFLICT (consumer) DO UPDATE SET position = excluded.position WHERE c.position < excluded.position;
  END IF;
  RETURN true;
END
$body$;

-- The last position committed at or before a time: times of commit grow with the position.
CREATE FUNCTION autobot.position_at(_moment bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $body$
DECLARE
  low bigint := 0;
  high bigint;
  middle bigint;
  found_at bigint;
BEGIN
  SELECT position INTO high FROM autobot.head;
  WHILE low < high LOOP
    middle := (low + high + 1) / 2;
    SELECT committed INTO STRICT found_at FROM autobot.events WHERE position = middle;
    IF found_at <= _moment THEN
      low := middle;
    ELSE
      high := middle - 1;
    END IF;
  END LOOP;
  RETURN low;
END
$body$;
"""
