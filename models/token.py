"""Bearer tokens of a list: issued once, kept as digests, checked in the transaction they open."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from models import networks
from models.database import Cursor
from models.errors import PlanTooLow, Refused, Taken, Unauthorised
from models.organisation import NEEDS_BUSINESS, SCIM, SCIM_PLANS
from models.text import checksum, new_id

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
MARK = "sct_"
RANDOM_LENGTH, CHECKSUM_LENGTH, PREFIX_LENGTH = 40, 6, 12
LONGEST_LABEL = 60  # characters
TOKEN_LENGTH = len(MARK) + RANDOM_LENGTH + CHECKSUM_LENGTH


class Issued(NamedTuple):
    """A new token, readable this once, and the prefix that names it from now on."""

    token: str
    prefix: str


class Holder(NamedTuple):
    """Which token and which list a digest belongs to; never changes once issued."""

    token_id: str
    list_id: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What a valid token allows: writes to one list with this unique identifier."""

    list_id: str
    unique_identifier: str
    networks: str  # from which it may come, in CIDR with blanks between; empty: from anywhere
    stale: bool  # last used longer than a minute ago, as far as the database knows


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token as operators see it: everything but the secret."""

    id: str
    prefix: str
    label: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    last_used_address: str | None
    revoked_at: datetime | None


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(BASE62[digit])
    return "".join(reversed(digits))


def generate(mark: str = MARK) -> str:
    """A mark, 40 random base62 characters (238 bits) and 6 of their CRC-32, as GitHub's tokens have."""
    body = mark + "".join(secrets.choice(BASE62) for _ in range(RANDOM_LENGTH))
    return body + _base62(checksum(body), CHECKSUM_LENGTH)


def well_formed(token: str, mark: str = MARK) -> bool:
    """Whether this can be a token at all: junk is refused without asking the database."""
    if len(token) != TOKEN_LENGTH or not token.startswith(mark) or not token.isascii():
        return False
    body, check = token[:-CHECKSUM_LENGTH], token[-CHECKSUM_LENGTH:]
    return secrets.compare_digest(check, _base62(checksum(body), CHECKSUM_LENGTH))


def digest(token: str) -> bytes:
    """What is stored of a token. 238 random bits need no salt and no slow hash."""
    return sha256(token.encode()).digest()


def issue(
    cursor: Cursor, list_id: str, label: str, expires_at: datetime | None, by: str, token_id: str | None = None
) -> Issued:
    """A new token of a connected list; the others go on working (product rule T2).

    Whoever asks may choose its id, so that asking twice makes one.
    """
    if len(label) > LONGEST_LABEL or (label and not label.isprintable()):
        raise Refused(f"a label has at most {LONGEST_LABEL} characters, on one line")
    cursor.execute("select state, provider from connection where list_id = %s for share", (list_id,))
    row = cursor.fetchone()
    if row is None or row[0] != "connected":
        raise Refused(f"list '{list_id}' is not connected: connect it before you generate a token")
    if row[1] != SCIM:
        raise Refused(f"list '{list_id}' is filled by Directory Sync, which needs no token: disconnect it first")
    token = generate()
    cursor.execute(
        "insert into bearer_token (id, list_id, digest, prefix, label, created_by, expires_at)"
        " values (%s, %s, %s, %s, %s, %s, %s) on conflict (id) do nothing",
        (token_id or new_id(), list_id, digest(token), token[:PREFIX_LENGTH], label, by, expires_at),
    )
    if cursor.rowcount != 1:
        raise Taken("this token was generated already, and cannot be shown again: revoke it, and generate another")
    return Issued(token, token[:PREFIX_LENGTH])


def listing(cursor: Cursor, list_id: str) -> list[BearerToken]:
    """A list's tokens, newest first, revoked ones included."""
    cursor.execute(
        "select id, prefix, label, created_by, created_at, expires_at, last_used_at, last_used_address,"
        " revoked_at from bearer_token where list_id = %s order by created_at desc, id desc",
        (list_id,),
    )
    return [BearerToken(str(row[0]), *row[1:]) for row in cursor.fetchall()]


def revoke(cursor: Cursor, prefix: str, list_id: str | None = None) -> str | None:
    """Cut one token off; returns its list, or None where no token (of `list_id`, if that is given) has this prefix."""
    cursor.execute(
        "update bearer_token set revoked_at = coalesce(revoked_at, clock_timestamp()) where prefix = %s"
        " and list_id = coalesce(%s, list_id) returning list_id",
        (prefix, list_id),
    )
    row = cursor.fetchone()
    return row[0] if row else None


def holder(cursor: Cursor, token: str) -> Holder | None:
    """Whose token this is, revoked or not; None where it was never issued."""
    cursor.execute("select id, list_id, prefix from muster_token(%s)", (digest(token),))
    row = cursor.fetchone()
    return Holder(str(row[0]), row[1], row[2]) if row else None


def check(cursor: Cursor, token_ids: Iterable[str]) -> dict[str, Grant | Refused]:
    """What each token allows at this moment, or why it does not: one plain read, no lock (I7)."""
    return asked(cursor, token_ids)()


def asked(cursor: Cursor, token_ids: Iterable[str]) -> Callable[[], dict[str, Grant | Refused]]:
    """`check`, asked now and fetched when called: for a round trip that others share."""
    sent = cursor.execute(
        "select t.id::text, t.list_id, t.revoked_at, t.expires_at <= clock_timestamp(), c.state,"
        " c.unique_identifier, o.plan, array_to_string(c.networks, ' '),"
        " coalesce(t.last_used_at < clock_timestamp() - interval '1 minute', true)"
        " from bearer_token t join master_list l on l.id = t.list_id"
        " join organisation o on o.id = l.organisation_id left join connection c on c.list_id = t.list_id"
        " where t.id = any(%b::uuid[])",
        (list(token_ids),),
    )
    return lambda: {row[0]: _verdict(*row[1:]) for row in sent.fetchall()}


def _verdict(
    list_id: str,
    revoked_at: datetime | None,
    expired: bool | None,
    state: str | None,
    unique_identifier: str | None,
    plan: str,
    allowed: str,
    stale: bool,
) -> Grant | Refused:
    if revoked_at is not None:
        return Unauthorised(
            "this bearer token was revoked: generate a new one on the list's Sync tab and put it into"
            " your identity provider",
            "revoked",
        )
    if expired:
        return Unauthorised(
            "this bearer token has expired: generate a new one on the list's Sync tab and put it into"
            " your identity provider",
            "expired",
        )
    if state != "connected" or unique_identifier is None:
        return Unauthorised("this list is not connected to provisioning any more", "disconnected")
    if plan not in SCIM_PLANS:
        return PlanTooLow(f"{NEEDS_BUSINESS}; people and data are kept, and nothing was changed")
    return Grant(list_id, unique_identifier, allowed, stale)


def verdict(told: Mapping[str, Grant | Refused], token_id: str, address: str) -> Grant | Refused:
    """What a token allows whoever sends it from an address, by what `check` told of tokens."""
    found = told.get(token_id)
    if isinstance(found, Grant) and found.networks and not networks.holds(found.networks, address):
        return networks.Elsewhere(address)
    return found or unknown()


def unknown() -> Unauthorised:
    """The refusal of a token that was never issued; a new one each, as an exception gathers its traces."""
    return Unauthorised("this bearer token does not exist: copy it again, or generate a new one on the list's Sync tab")


def touch(cursor: Cursor, token_id: str, address: str) -> None:
    """Remember that a token was used, at most once a minute."""
    cursor.execute(
        "update bearer_token set last_used_at = clock_timestamp(), last_used_address = %s where id = %s"
        " and coalesce(last_used_at < clock_timestamp() - interval '1 minute', true)",
        (address, token_id),
    )
