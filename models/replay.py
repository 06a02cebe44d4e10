"""Requests of API keys that are sent twice and done once (draft-ietf-httpapi-idempotency-key-header).

The answer is kept in the transaction that does what was asked: a lost answer can be asked for again, and what was
rolled back leaves none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from psycopg.types.json import Jsonb

from models.database import Cursor
from models.errors import Refused, Taken

KEPT = "interval '24 hours'"
CLEARED = 200  # answers that are too old, with each new one


class InFlight(Taken):
    """The first request with this key is not answered yet."""


class Reused(Refused):
    """The key came with another request before."""

    status = 422


@dataclass(frozen=True, slots=True)
class Named:
    """A request by its API key, its method and path, and its Idempotency-Key; `fingerprint` is a digest of the rest."""

    api_key_id: str
    route: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer; `body` is None where it held a secret, which is never kept."""

    status: int
    body: str | None
    headers: Mapping[str, str]


def enter(cursor: Cursor, named: Named) -> Kept | None:
    """The answer that the same request had, or None for one to be done now, which holds off its like until COMMIT."""
    cursor.execute("select pg_try_advisory_xact_lock(%s)", (_lock(named),))
    row = cursor.fetchone()
    if not row or not row[0]:
        raise InFlight("a request with this Idempotency-Key is being answered: wait for it, then ask again")
    cursor.execute(
        "select fingerprint, status, body, headers from api_replay where api_key_id = %s and route = %s"
        f" and idempotency_key = %s and at > clock_timestamp() - {KEPT}",
        (named.api_key_id, named.route, named.key),
    )
    found = cursor.fetchone()
    if found is None:
        return None
    if bytes(found[0]) != named.fingerprint:
        raise Reused("this Idempotency-Key was sent with another request before: take a new key for a new request")
    return Kept(*found[1:])


def keep(cursor: Cursor, named: Named, kept: Kept) -> None:
    """Keep an answer for 24 hours, and clear some that are older."""
    cursor.execute(
        "insert into api_replay (api_key_id, route, idempotency_key, fingerprint, status, body, headers)"
        " values (%s, %s, %s, %s, %s, %s, %s) on conflict (api_key_id, route, idempotency_key) do update set"
        " fingerprint = excluded.fingerprint, status = excluded.status, body = excluded.body,"
        " headers = excluded.headers, at = clock_timestamp()",
        (
            named.api_key_id, named.route, named.key, named.fingerprint, kept.status, kept.body,
            Jsonb(dict(kept.headers)),
        ),
    )  # fmt: skip
    clear(cursor)


def clear(cursor: Cursor, most: int = CLEARED) -> None:
    """Forget answers that are too old."""
    cursor.execute(
        "delete from api_replay where (api_key_id, route, idempotency_key) in (select api_key_id, route,"
        f" idempotency_key from api_replay where at < clock_timestamp() - {KEPT} limit %s for update skip locked)",
        (most,),
    )


def _lock(named: Named) -> int:
    text = f"replay:{named.api_key_id}:{named.route}:{named.key}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
