"""API keys of an organisation: shown once, kept as digests, checked in the transaction of each request."""

from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

from models import token
from models.database import Cursor
from models.errors import Refused, Taken, Unauthorised
from models.text import is_line, new_id
from models.token import PREFIX_LENGTH, Issued, digest

MARK = "msk_"
READ, WRITE = "read", "write"
SCOPES = (READ, WRITE)
LONGEST_LABEL = 60  # characters


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as operators see it: everything but the secret."""

    id: str
    prefix: str
    label: str
    scope: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    last_used_address: str | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key opened a request, and what it may do."""

    key_id: str
    prefix: str
    scope: str
    organisation_id: str
    organisation: str
    plan: str
    stale: bool  # last used longer than a minute ago, as far as the database knows
    address: str  # of the request that is served

    @property
    def may_change(self) -> bool:
        """Whether the key is one that writes."""
        return self.scope == WRITE

    @property
    def who(self) -> str:
        """What the audit log calls it."""
        return f"API key {self.prefix}"


def well_formed(key: str) -> bool:
    """Whether this can be a key at all."""
    return token.well_formed(key, MARK)


def create(
    cursor: Cursor, organisation_id: str, label: str, scope: str, expires_at: datetime | None, by: str,
    key_id: str | None = None,
) -> Issued:  # fmt: skip
    """A new key. Whoever asks may choose its id, so that asking twice makes one."""
    label = label.strip()
    if not is_line(label, LONGEST_LABEL):
        raise Refused(f"an API key needs a label of 1 to {LONGEST_LABEL} characters, on one line: say what it is for")
    if scope not in SCOPES:
        raise Refused(f"scope '{scope[:40]}' does not exist: choose read or write")
    key = token.generate(MARK)
    cursor.execute(
        "insert into api_key (id, organisation_id, digest, prefix, label, scope, created_by, expires_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict (id) do nothing",
        (key_id or new_id(), organisation_id, digest(key), key[:PREFIX_LENGTH], label, scope, by, expires_at),
    )
    if cursor.rowcount != 1:
        raise Taken("this key was made already, and cannot be shown again: revoke it, and make another")
    return Issued(key, key[:PREFIX_LENGTH])


def listing(cursor: Cursor, organisation_id: str) -> list[ApiKey]:
    """An organisation's keys, newest first, revoked ones included."""
    cursor.execute(
        "select id, prefix, label, scope, created_by, created_at, expires_at, last_used_at, last_used_address,"
        " revoked_at from api_key where organisation_id = %s order by created_at desc, id desc",
        (organisation_id,),
    )
    return [ApiKey(str(row[0]), *row[1:]) for row in cursor.fetchall()]


def revoke(cursor: Cursor, prefix: str, organisation_id: str | None = None) -> str | None:
    """Cut one key off; returns its organisation, or None where none has a key with this prefix."""
    cursor.execute(
        "update api_key set revoked_at = coalesce(revoked_at, clock_timestamp()) where prefix = %s"
        " and organisation_id = coalesce(%s, organisation_id) returning organisation_id::text",
        (prefix, organisation_id),
    )
    row = cursor.fetchone()
    return row[0] if row else None


def opened(cursor: Cursor, key: str, address: str) -> Caller:
    """Who calls with a key from an address; Unauthorised where it opens nothing (any more). One plain read, no lock."""
    cursor.execute(
        "select k.digest, k.revoked_at, k.expires_at <= clock_timestamp(), k.id::text, k.prefix, k.scope, o.id::text,"
        " o.name, o.plan, coalesce(k.last_used_at < clock_timestamp() - interval '1 minute', true)"
        " from api_key k join organisation o on o.id = k.organisation_id where k.prefix = %s",
        (key[:PREFIX_LENGTH],),
    )
    row = cursor.fetchone()
    if not compare_digest(bytes(row[0]) if row else bytes(32), digest(key)) or row is None:
        raise Unauthorised("this API key does not exist: copy it again, or make a new one in the console")
    if row[1] is not None:
        raise Unauthorised("this API key was revoked: make a new one in the console", "revoked")
    if row[2]:
        raise Unauthorised("this API key has expired: make a new one in the console", "expired")
    return Caller(row[3], row[4], row[5], row[6], row[7], row[8], row[9], address)


def touch(cursor: Cursor, key_id: str, address: str) -> None:
    """Remember that a key was used, at most once a minute; nobody waits for another who does so."""
    cursor.execute(
        "update api_key set last_used_at = clock_timestamp(), last_used_address = %s where id in (select id"
        " from api_key where id = %s and coalesce(last_used_at < clock_timestamp() - interval '1 minute', true)"
        " for no key update skip locked)",
        (address, key_id),
    )
