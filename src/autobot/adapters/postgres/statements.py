"""The statements of the writer, each one round trip: facts for a group, the group itself, what goes apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from autobot.adapters.postgres.driver import Connection
from autobot.adapters.postgres.rows import Prepared
from autobot.adapters.postgres.staging import Facts, Head, Staged
from autobot.kernel.event_store.transaction import Put, Transaction

ALONE: Final = 0x4155_5442_0001
"""Advisory lock of the one store that writes, where there is to be one."""
HANDLED_KEPT: Final = 30 * 86_400 * 1_000_000
"""Microseconds for which the inbox knows a message: longer than anything is redelivered or replayed."""

# One snapshot for all, so that the facts hold at exactly the epoch that comes with them.
_FACTS: Final = """
SELECT 'head' AS kind, encode(audit_hash, 'hex') AS a, writer AS b, number::text AS c, NULL::bytea AS d, epoch AS n,
  position AS m, committed AS o, audited AS p FROM autobot.head
UNION ALL SELECT 'alias', name, target, NULL, NULL, 0, 0, 0, 0 FROM autobot.aliases
UNION ALL SELECT 'stream', s, NULL, NULL, NULL,
  coalesce((SELECT max(revision) FROM autobot.events WHERE stream = s), -1), 0, 0, 0 FROM unnest($1::text[]) AS s
UNION ALL SELECT 'id', id, stream, type, hash, revision, position, 0, 0 FROM autobot.events WHERE id = ANY($2::text[])
UNION ALL SELECT 'answer', scope, key, fingerprint, NULL, expires, 0, 0, 0
  FROM unnest($3::text[], $4::text[]) AS w(scope, key) JOIN autobot.answers USING (scope, key)
UNION ALL SELECT 'handled', consumer, source, id, NULL, 0, 0, 0, 0
  FROM unnest($5::text[], $6::text[], $7::text[]) AS i(consumer, source, id)
  JOIN autobot.inbox USING (consumer, source, id)
UNION ALL SELECT 'checkpoint', c, NULL, NULL, NULL,
  coalesce((SELECT position FROM autobot.checkpoints WHERE consumer = c), 0), 0, 0, 0 FROM unnest($8::text[]) AS c
UNION ALL SELECT 'document', d.tbl, d.key, NULL, NULL, d.version, 0, 0, 0
  FROM unnest($9::text[], $10::text[]) AS p(name, key) LEFT JOIN autobot.aliases a ON a.name = p.name
  JOIN autobot.documents d ON d.tbl = coalesce(a.target, p.name) AND d.key = p.key
"""

_COMMIT: Final = f"SELECT autobot.commit({', '.join(f'${number}' for number in range(1, 48))})"

_COMMIT_ONE: Final = f"SELECT autobot.commit_one({', '.join(f'${number}' for number in range(1, 28))})"


async def facts(connection: Connection, group: Sequence[Prepared], head: Head) -> Facts:
    """Ask for everything that a group may rest on, and bring `head` up to the same moment."""
    transactions = [one.transaction for one in group]
    appends = [append for one in transactions for append in one.appends]
    streams = {one.stream for one in appends} | {
        condition.stream for one in transactions for condition in one.conditions
    }
    ids = [event for one in group for event in one.ids]
    answers = [(one.answer[0], one.answer[1]) for one in group if one.answer is not None]
    handled = [
        (entry.consumer, entry.source, entry.message_id) for one in transactions for entry in one.handled
    ]
    consumers = {checkpoint.consumer for one in transactions for checkpoint in one.checkpoints}
    puts = [
        (write.table, write.key)
        for one in transactions
        for write in one.writes
        if isinstance(write, Put) and write.expected is not None
    ]
    rows = await connection.fetch(
        _FACTS,
        list(streams),
        ids,
        *_listed(answers, 2),
        *_listed(handled, 3),
        list(consumers),
        *_listed(puts, 2),
    )
    return _sorted(rows, head)


def _sorted(rows: Sequence[Any], head: Head) -> Facts:
    found = Facts(exact=True)
    aliases: dict[str, str] = {}
    revisions: dict[str, int] = {}
    checkpoints: dict[str, int] = {}
    for kind, a, b, c, d, n, m, o, p in rows:
        match kind:
            case "head":
                if head.epoch != n:
                    head.revisions.clear()
                    head.checkpoints.clear()
                head.epoch, head.position, head.committed, head.audited = n, m, o, p
                head.audit_hash, head.writer, head.number = bytes.fromhex(a), b, int(c)
            case "alias":
                aliases[a] = b
            case "stream":
                revisions[a] = n
            case "id":
                found.ids[a] = (b, c, d, n, m)
            case "answer":
                found.answers[a, b] = (n, c)
            case "handled":
                found.inbox.add((a, b, c))
            case "checkpoint":
                checkpoints[a] = n
            case _:
                found.versions[a, b] = n
    head.aliases = aliases
    head.revisions |= revisions
    head.checkpoints |= checkpoints
    return found


async def commit(connection: Connection, staged: Staged, writer: str, number: int) -> bool:
    """Write a group; False, and nothing is written, when another process has written meanwhile."""
    head = staged.head
    state = (
        staged.now,
        staged.position,
        staged.committed if staged.position > head.position else head.committed,
        staged.audited,
        staged.audit_hash,
    )
    if head.writer == writer and _is_one(staged):
        return bool(
            await connection.fetchval(
                _COMMIT_ONE,
                head.epoch,
                writer,
                number,
                *state,
                *staged.events[0],
                *_first(staged.audit, 2),
                *_first(staged.answers.values(), 6),
                *_first(staged.checkpoints.items(), 2),
            )
        )
    before = (None, None) if head.writer in ("", writer) else (head.writer, head.number)
    return bool(
        await connection.fetchval(_COMMIT, head.epoch, writer, number, *before, *state, *_arrays(staged))
    )


def _is_one(staged: Staged) -> bool:
    """Say whether a group is one event with at most one answer, audit record and checkpoint."""
    return (
        len(staged.events) == 1
        and len(staged.audit) < 2
        and len(staged.answers) < 2
        and len(staged.checkpoints) < 2
        and not (staged.inbox or staged.documents or staged.snapshots)
    )


def _first(rows: Collection[tuple[Any, ...]], count: int) -> Sequence[Any]:
    """Return the only row; NULLs when there is none."""
    for row in rows:
        return row
    return (None,) * count


def _arrays(staged: Staged) -> list[Any]:
    """Return the rows of a group, column by column."""
    puts = [
        (*place, *one.row[:3], one.steps, *one.row[3:])
        for place, one in staged.documents.items()
        if one.row is not None
    ]
    gone = [place for place, one in staged.documents.items() if one.row is None or one.fresh]
    snapshots = [(*place, *saved) for place, saved in staged.snapshots.items()]
    return [
        *_columns(staged.events, 9),
        *_columns(staged.audit, 2),
        *_columns(staged.answers.values(), 6),
        *_columns(staged.checkpoints.items(), 2),
        *_columns(staged.inbox, 3),
        *_columns(puts, 9),
        *_columns(gone, 2),
        *_columns(snapshots, 4),
    ]


def _listed(rows: Sequence[tuple[Any, ...]], count: int) -> list[Any]:
    """Return the columns of rows, as many empty ones as there are when there is no row."""
    return list(zip(*rows, strict=True)) if rows else [()] * count


def _columns(rows: Collection[tuple[Any, ...]], count: int) -> Sequence[Any]:
    """Return the columns of rows; NULLs when there is no row, which cost next to nothing on their way."""
    return list(zip(*rows, strict=True)) if rows else (None,) * count


async def commit_apart(connection: Connection, transaction: Transaction) -> None:
    """Do what only a transaction of its own may, in order: erase, snapshots, switch, drop. Inside its transaction."""
    for erase in transaction.erase:
        await connection.execute(
            "UPDATE autobot.events SET data = NULL WHERE stream = $1 AND data IS NOT NULL"
            " AND (cardinality($2::text[]) = 0 OR type = ANY($2::text[]))",
            erase.stream,
            list(erase.types),
        )
        await connection.execute("DELETE FROM autobot.snapshots WHERE stream = $1", erase.stream)
    for saved in transaction.snapshots:
        await connection.execute(
            "INSERT INTO autobot.snapshots AS s VALUES ($1, $2, $3, $4) ON CONFLICT (stream, schema) DO UPDATE"
            " SET revision = excluded.revision, data = excluded.data WHERE s.revision <= excluded.revision",
            saved.stream,
            saved.schema,
            saved.revision,
            saved.data,
        )
    for alias in transaction.aliases:
        await connection.execute(
            "INSERT INTO autobot.aliases VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET target = excluded.target",
            alias.table,
            alias.target,
        )
    for drop in transaction.drops:
        await connection.execute("DELETE FROM autobot.documents WHERE tbl = $1", drop.table)


async def lock_alone(connection: Connection) -> bool:
    """Take what only one connection of the database can hold; False when another one has it."""
    taken: bool = await connection.fetchval("SELECT pg_try_advisory_lock($1)", ALONE)
    return taken


async def fence(connection: Connection, writer: str) -> int:
    """Make whatever an earlier connection of `writer` still has on its way refused; return its last commit's number."""
    last = await connection.fetchrow("UPDATE autobot.head SET epoch = epoch + 1 RETURNING writer, number")
    if last["writer"] == writer:
        return int(last["number"])
    found = await connection.fetchval("SELECT number FROM autobot.writers WHERE writer = $1", writer)
    return found or 0


async def tidy(connection: Connection, now: int) -> None:
    """Forget answers that expired, inbox entries that nobody will send again, and writers of a month ago."""
    await connection.execute("DELETE FROM autobot.answers WHERE expires <= $1", now)
    await connection.execute("DELETE FROM autobot.inbox WHERE handled < $1", now - HANDLED_KEPT)
    await connection.execute("DELETE FROM autobot.writers WHERE seen < now() - interval '30 days'")
