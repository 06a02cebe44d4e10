"""Signed-in browsers: a random secret in a cookie, its digest here (OWASP session management)."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from models import password as passwords
from models.database import Cursor
from models.errors import Refused
from models.text import equality_key, new_id

IDLE, ABSOLUTE = timedelta(hours=8), timedelta(days=7)


class WrongPassword(Refused):
    """The address or the password is wrong; which of them is not said."""

    status = 401


@dataclass(frozen=True, slots=True)
class Account:
    """Whom an e-mail address belongs to, and the digest of their password at that time; an actor of the audit log."""

    operator_id: str
    digest: str
    organisation_id: str
    who: str
    address: str  # of the request that is served


@dataclass(frozen=True, slots=True)
class Verified:
    """An account whose password was given, and its digest with the parameters of today where those have changed."""

    account: Account
    renewed: str | None


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in, and to which organisation."""

    id: str
    operator_id: str
    email: str
    role: str
    organisation_id: str
    organisation: str
    plan: str
    demo: bool
    address: str  # of the request that is served

    @property
    def may_change(self) -> bool:
        """Viewers look; admins change."""
        return self.role == "admin"

    @property
    def who(self) -> str:
        """What the audit log calls them."""
        return self.email


@dataclass(frozen=True, slots=True)
class Browser:
    """One of an operator's sessions, as they see it."""

    id: str
    created_at: datetime
    seen_at: datetime
    address: str | None
    user_agent: str | None


def account(cursor: Cursor, email: str, address: str) -> Account | None:
    """Who has an e-mail address, for a request from an address of the network."""
    cursor.execute(
        "select id::text, password_digest, organisation_id::text, email from operator where email_key = %s",
        (equality_key(email.replace("\x00", "")),),
    )
    row = cursor.fetchone()
    return Account(row[0], row[1], row[2], row[3], address) if row else None


def verify(found: Account | None, password: str) -> Verified:
    """Compare a password, with the same work where nobody has the address. Takes 0.1 s: never in a transaction."""
    right = passwords.matches(found.digest if found else passwords.nobody(), password)
    if found is None or not right:
        raise WrongPassword("the e-mail address or the password is wrong: try again, or ask for a reset")
    return Verified(found, passwords.digest(password) if passwords.needs_rehash(found.digest) else None)


def begin(cursor: Cursor, verified: Verified, user_agent: str | None) -> str | None:
    """Sign in; returns the new session's secret, which nothing that the browser sent has a part in. None where the
    digest is another one by now: then the password has to be verified again."""
    known = verified.account
    # The lock keeps a reset waiting until this session is there for it to end; shared, two renewals would deadlock.
    cursor.execute(
        "select from operator where id = %s and password_digest = %s for no key update",
        (known.operator_id, known.digest),
    )
    if cursor.rowcount != 1:
        return None
    if verified.renewed:
        cursor.execute("update operator set password_digest = %s where id = %s", (verified.renewed, known.operator_id))
    secret = secrets.token_urlsafe(32)
    cursor.execute(
        "insert into operator_session (id, operator_id, digest, expires_at, address, user_agent)"
        " values (%s, %s, %s, clock_timestamp() + %s, %s, %s)",
        (
            new_id(),
            known.operator_id,
            digest(secret),
            ABSOLUTE,
            known.address,
            user_agent[:300] if user_agent else None,
        ),
    )
    # Those that have ended are cleared whenever somebody signs in.
    cursor.execute(
        "delete from operator_session where expires_at < clock_timestamp() or seen_at < clock_timestamp() - %s", (IDLE,)
    )
    return secret


def digest(secret: str) -> bytes:
    """What is stored of a session's secret."""
    return hashlib.sha256(secret.encode()).digest()


def find(cursor: Cursor, secret: str, address: str, active: bool = True) -> Session | None:
    """The session behind a cookie that came from an address, if it is neither idle nor too old. Its operator being
    active is written down, at most once a minute."""
    cursor.execute(
        "select s.id, o.id, o.email, o.role, g.id, g.name, g.plan, g.demo,"
        " s.seen_at < clock_timestamp() - interval '1 minute' from operator_session s"
        " join operator o on o.id = s.operator_id join organisation g on g.id = o.organisation_id"
        " where s.digest = %s and s.expires_at > clock_timestamp() and s.seen_at > clock_timestamp() - %s",
        (digest(secret), IDLE),
    )
    row = cursor.fetchone()
    if row is None:
        return None
    if active and row[8]:
        cursor.execute("update operator_session set seen_at = clock_timestamp() where id = %s", (row[0],))
    return Session(str(row[0]), str(row[1]), row[2], row[3], str(row[4]), row[5], row[6], row[7], address)


def end(cursor: Cursor, operator_id: str, session_id: str) -> bool:
    """End one of an operator's sessions."""
    cursor.execute(
        "delete from operator_session where operator_id = %s and id = %s returning id", (operator_id, session_id)
    )
    return cursor.fetchone() is not None


def browsers(cursor: Cursor, operator_id: str) -> list[Browser]:
    """Where an operator is signed in, last seen first."""
    cursor.execute(
        "select id, created_at, seen_at, address, user_agent from operator_session where operator_id = %s"
        " and expires_at > clock_timestamp() and seen_at > clock_timestamp() - %s order by seen_at desc, id",
        (operator_id, IDLE),
    )
    return [Browser(str(row[0]), *row[1:]) for row in cursor.fetchall()]
