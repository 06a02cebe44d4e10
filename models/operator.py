"""Operators of the console; only argon2 digests of their passwords are kept."""

from typing import Any

from models import password as passwords
from models.database import Cursor
from models.errors import Refused, Taken, Unknown
from models.text import equality_key, new_id

ROLES = ("viewer", "admin")


def add(cursor: Cursor, organisation_id: str, email: str, role: str = "admin") -> str:
    """A new operator; returns the password, which is shown once."""
    if role not in ROLES:
        raise Refused(f"role '{role}' does not exist: choose viewer or admin")
    if "@" not in email:
        raise Refused(f"'{email}' is not an e-mail address")
    password = passwords.generate()
    cursor.execute(
        "insert into operator (id, organisation_id, email, email_key, password_digest, role)"
        " values (%s, %s, %s, %s, %s, %s) on conflict (email_key) do nothing",
        (new_id(), organisation_id, email, equality_key(email), passwords.digest(password), role),
    )
    if cursor.rowcount != 1:
        raise Taken(f"an operator with the e-mail address '{email}' exists: reset the password instead")
    return password


def organisation_of(cursor: Cursor, email: str) -> str:
    """The id of the organisation that an operator acts for."""
    cursor.execute("select organisation_id::text from operator where email_key = %s", (equality_key(email),))
    row = cursor.fetchone()
    if row is None:
        raise Unknown(f"no operator has the e-mail address '{email}'")
    return str(row[0])


def reset(cursor: Cursor, email: str) -> str:
    """A new password, and every session of the operator ended."""
    password = passwords.generate()
    cursor.execute(
        "update operator set password_digest = %s where email_key = %s returning id",
        (passwords.digest(password), equality_key(email)),
    )
    row = cursor.fetchone()
    if row is None:
        raise Unknown(f"no operator has the e-mail address '{email}'")
    cursor.execute("delete from operator_session where operator_id = %s", row)
    return password


def listing(cursor: Cursor) -> list[dict[str, Any]]:
    """Everybody who may sign in: e-mail, role, organisation, created at."""
    cursor.execute(
        "select o.email, o.role, g.name, o.created_at from operator o"
        " join organisation g on g.id = o.organisation_id order by o.email_key"
    )
    names = ("email", "role", "organisation", "created_at")
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
